#include "ui/model/prompt_state.h"

#include <algorithm>

namespace switchyard::ui {
namespace {

constexpr std::size_t kMaxStops = 8;
constexpr std::size_t kMaxStopBytes = 64;

}  // namespace

Answer* PromptState::find(std::int64_t id) {
  for (Answer& answer : answers) {
    if (answer.id == id) return &answer;
  }
  return nullptr;
}

const Answer* PromptState::find(std::int64_t id) const {
  for (const Answer& answer : answers) {
    if (answer.id == id) return &answer;
  }
  return nullptr;
}

const Answer* PromptState::newest() const {
  for (auto answer = answers.rbegin(); answer != answers.rend(); ++answer) {
    if (answer->role == AnswerRole::kShown) return &*answer;
  }
  return nullptr;
}

const Answer* PromptState::shown() const {
  const Answer* chosen = find(shown_id);
  return chosen != nullptr && chosen->role == AnswerRole::kShown ? chosen : newest();
}

void PromptState::replace_draft(std::string text) {
  if (text == draft) return;
  drafts_before.push_back(std::move(draft));
  if (drafts_before.size() > kMaxDrafts) drafts_before.erase(drafts_before.begin());
  draft = std::move(text);
}

bool PromptState::undo_draft() {
  if (drafts_before.empty()) return false;
  draft = std::move(drafts_before.back());
  drafts_before.pop_back();
  return true;
}

void open_prompt(PromptState& prompt, const std::string& root) {
  for (Answer& answer : prompt.answers) {
    if (answer.is_open()) answer.state = AnswerState::kCancelled;
  }
  if (!prompt.root.empty() && !prompt.answers.empty()) {
    while (prompt.kept.size() >= PromptState::kMaxKeptRuns) prompt.kept.erase(prompt.kept.begin());
    prompt.kept[prompt.root] = std::move(prompt.answers);
  }
  prompt.answers.clear();
  if (const auto found = prompt.kept.find(root); found != prompt.kept.end()) {
    prompt.answers = std::move(found->second);
    prompt.kept.erase(found);
  }
  prompt.root = root;
  prompt.shown_id = prompt.pin_id = prompt.replay_step = prompt.score.answer_id = -1;
  prompt.source = {};
  prompt.compare_with = {AnswerSource::Kind::kNone, -1};
  prompt.range = {};
}

std::vector<std::int64_t> answers_to(const PromptState& prompt, const Answer& answer) {
  std::vector<std::int64_t> ids;
  for (const Answer& other : prompt.answers) {
    if (other.role == AnswerRole::kShown && other.prompt == answer.prompt &&
        other.branch.parent_id == answer.branch.parent_id)
      ids.push_back(other.id);
  }
  return ids;
}

std::vector<const Answer*> branches_of(const PromptState& prompt, std::int64_t answer_id) {
  std::vector<const Answer*> branches;
  for (const Answer& other : prompt.answers) {
    if (other.role == AnswerRole::kShown && other.branch.parent_id == answer_id)
      branches.push_back(&other);
  }
  std::stable_sort(branches.begin(), branches.end(), [](const Answer* a, const Answer* b) {
    return a->branch.token < b->branch.token;
  });
  return branches;
}

std::vector<AskedPrompt> asked_prompts(const PromptState& prompt) {
  std::vector<AskedPrompt> asked;
  for (auto answer = prompt.answers.rbegin(); answer != prompt.answers.rend(); ++answer) {
    if (answer->role != AnswerRole::kShown || answer->branch.parent_id >= 0) continue;
    const auto found = std::find_if(asked.begin(), asked.end(), [&](const AskedPrompt& one) {
      return one.prompt == answer->prompt;
    });
    if (found == asked.end()) {
      asked.push_back({answer->prompt, answer->id, 1});
    } else {
      ++found->num_answers;
    }
  }
  return asked;
}

std::string text_from_escapes(const std::string& typed, std::string* problem) {
  std::string text;
  for (std::size_t i = 0; i < typed.size(); ++i) {
    if (typed[i] != '\\') {
      text.push_back(typed[i]);
      continue;
    }
    const char next = i + 1 < typed.size() ? typed[i + 1] : '\0';
    if (next == 'n') {
      text.push_back('\n');
    } else if (next == 't') {
      text.push_back('\t');
    } else if (next == '\\') {
      text.push_back('\\');
    } else {
      if (problem != nullptr) *problem = "Only \\n, \\t and \\\\ mean something after a backslash.";
      return "";
    }
    ++i;
  }
  return text;
}

std::string escapes_from_text(const std::string& text) {
  std::string typed;
  for (const char c : text) {
    if (c == '\n') {
      typed += "\\n";
    } else if (c == '\t') {
      typed += "\\t";
    } else if (c == '\\') {
      typed += "\\\\";
    } else {
      typed.push_back(c);
    }
  }
  return typed;
}

bool add_stop(SamplingSettings& settings, const std::string& typed, std::string* problem) {
  std::string wrong;
  const std::string text = text_from_escapes(typed, &wrong);
  if (wrong.empty()) {
    if (text.empty()) {
      wrong = "Type the text to stop at.";
    } else if (text.size() > kMaxStopBytes) {
      wrong = "At most 64 bytes, this has " + std::to_string(text.size()) + ".";
    } else if (std::find(settings.stop.begin(), settings.stop.end(), text) != settings.stop.end()) {
      wrong = "It is in the list.";
    } else if (settings.stop.size() >= kMaxStops) {
      wrong = "At most 8 stop texts; remove one first.";
    }
  }
  if (problem != nullptr) *problem = wrong;
  if (!wrong.empty()) return false;
  settings.stop.push_back(text);
  return true;
}

}  // namespace switchyard::ui
