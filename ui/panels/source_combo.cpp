#include "ui/panels/source_combo.h"

#include <algorithm>
#include <string>
#include <vector>

#include "ui/model/prompt_actions.h"
#include "ui/widgets/fields.h"

namespace switchyard::ui {

bool source_combo(
    Studio& studio, const char* label, float width, bool has_none, AnswerSource* source) {
  using Kind = AnswerSource::Kind;
  std::vector<AnswerSource> sources;
  if (has_none) sources.push_back({Kind::kNone, -1});
  sources.push_back({Kind::kLive, -1});
  const std::vector<std::int64_t>& steps = studio.prompt.facts->checkpoints;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step)
    sources.push_back({Kind::kCheckpoint, *step});
  auto found = std::find(sources.begin(), sources.end(), *source);
  std::vector<std::string> names;
  for (const AnswerSource& one : sources) names.push_back(source_text(one, *studio.run));
  if (found == sources.end()) {  // retired meanwhile: still named, until another one is chosen
    sources.push_back(*source);
    names.push_back(source_text(*source, *studio.run) + ", no longer kept");
    found = sources.end() - 1;
  }
  std::vector<const char*> items;
  for (const std::string& name : names) items.push_back(name.c_str());
  int selected = static_cast<int>(found - sources.begin());
  FieldOptions options;
  options.width = width;
  if (!combo(label, items, &selected, options)) return false;
  *source = sources[static_cast<std::size_t>(selected)];
  return true;
}

}  // namespace switchyard::ui
