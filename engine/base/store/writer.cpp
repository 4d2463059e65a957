#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "engine/base/core/clock.h"
#include "engine/base/store/committer.h"
#include "engine/base/store/probe_blob.h"
#include "engine/base/store/run_store.h"

namespace switchyard::store {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kBatchItems = 64;
constexpr std::size_t kMaxItemsPerCommit = 16'384;
constexpr std::size_t kMaxQueuedBytes = std::size_t{64} << 20;
// A sample is on the screen within 150 ms: these, a look of the window every 16 ms, and a frame
// every 100 ms.
constexpr milliseconds kMaxAge{25};     // of the oldest item when the commit begins
constexpr milliseconds kQuietTime{10};  // nothing new for so long: what waits is committed
constexpr milliseconds kSyncInterval{4500};
constexpr milliseconds kFirstBackOff{250};
constexpr milliseconds kMaxBackOff{8000};

std::size_t bytes_of(const Item& item) {
  struct Size {
    std::size_t operator()(const MetricInfo& m) const {
      return m.name.size() + m.unit.size() + m.help.size();
    }

    std::size_t operator()(const ScalarItem& s) const { return s.metric.size(); }

    std::size_t operator()(const VectorItem& v) const {
      return v.metric.size() + v.values.size() * sizeof(float);
    }

    std::size_t operator()(const EventItem& e) const { return e.kind.size() + e.detail.size(); }

    std::size_t operator()(const ProbeItem& p) const { return p.bytes.size(); }
  };

  return sizeof(Item) + std::visit(Size{}, item.what);
}

class QueueWriter final : public Writer {
 public:
  explicit QueueWriter(std::unique_ptr<Committer> committer)
      : committer_(std::move(committer)),
        last_sequence_(committer_->last_sequence()),
        last_sync_(SteadyClock::now()),
        thread_([this] { work(); }) {}

  ~QueueWriter() override {
    {
      const std::scoped_lock hold(mutex_);
      is_closing_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  void declare(const MetricInfo& metric) override { enqueue(metric, false); }

  void scalar(std::string_view metric, const Position& at, double value) override {
    enqueue(ScalarItem{std::string(metric), at, value}, false);
  }

  void vector(std::string_view metric,
              int layer,
              const Position& at,
              std::vector<float> values) override {
    enqueue(VectorItem{std::string(metric), layer, at, std::move(values)}, false);
  }

  void event(std::string_view kind, std::int64_t step, Json detail) override {
    // A change of state is a promise to whoever looks at the run: it is durable at once.
    const bool is_lifecycle = kind == "state" || kind == "checkpoint";
    enqueue(EventItem{std::string(kind), step, system_clock().wall_seconds(), detail.dump()},
            is_lifecycle);
  }

  void routing_probe(const Position& at, const routing::RoutingProbe& probe) override {
    enqueue(ProbeItem{at, bytes_from_probe(probe)}, false);
  }

  Status flush() override {
    std::unique_lock lock(mutex_);
    const std::int64_t ticket = ++flushes_wanted_;
    wake_.notify_all();
    done_.wait(lock, [&] { return flushes_served_ >= ticket; });
    if (flush_error_.has_value()) return *flush_error_;
    return {};
  }

  [[nodiscard]] std::optional<Error> problem() const override {
    const std::scoped_lock hold(mutex_);
    return problem_;
  }

 private:
  template <typename What>
  void enqueue(What what, bool is_lifecycle) {
    Item item{0, std::move(what)};
    const std::size_t bytes = bytes_of(item);
    bool must_wake = false;
    {
      const std::scoped_lock hold(mutex_);
      if (queued_bytes_ + bytes > kMaxQueuedBytes) {
        ++num_lost_;
        return;
      }
      item.sequence = ++last_sequence_;
      const auto now = SteadyClock::now();
      must_wake = queue_.empty() || is_lifecycle || queue_.size() + 1 == kBatchItems;
      if (queue_.empty()) oldest_ = now;
      newest_ = now;
      is_sync_wanted_ = is_sync_wanted_ || is_lifecycle;
      queued_bytes_ += bytes;
      queue_.push_back(std::move(item));
    }
    if (must_wake) wake_.notify_all();
  }

  /// When the next commit is due; nothing when there is nothing to do.
  [[nodiscard]] std::optional<SteadyClock::time_point> due() const {
    const auto now = SteadyClock::now();
    if (is_closing_ || flushes_wanted_ > flushes_served_) return now;
    if (is_dead_) return std::nullopt;
    std::optional<SteadyClock::time_point> when;
    if (!queue_.empty()) {
      const bool is_batch = queue_.size() >= kBatchItems || is_sync_wanted_;
      when = is_batch ? now : std::min(oldest_ + kMaxAge, newest_ + kQuietTime);
    }
    if (has_unsynced_)
      when = std::min(when.value_or(last_sync_ + kSyncInterval), last_sync_ + kSyncInterval);
    if (when.has_value() && problem_.has_value()) when = std::max(*when, retry_at_);
    return when;
  }

  void wait_until_due(std::unique_lock<std::mutex>& lock) {
    for (;;) {
      const auto when = due();
      if (!when.has_value()) {
        wake_.wait(lock);
      } else if (*when <= SteadyClock::now()) {
        return;
      } else {
        wake_.wait_until(lock, *when);
      }
    }
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wait_until_due(lock);
      const bool is_last = is_closing_;
      const bool is_good = commit_queue(lock);
      if (is_last && (!is_good || queue_.empty())) return;
    }
  }

  /// Commits what is queued now, in one transaction or several; false when a commit failed.
  bool commit_queue(std::unique_lock<std::mutex>& lock) {
    const std::int64_t ticket = flushes_wanted_;
    const std::int64_t up_to = last_sequence_;
    const bool is_flush = ticket > flushes_served_ || is_closing_ || is_sync_wanted_;
    bool is_good = !is_dead_;
    bool is_first = true;
    while (is_good && (is_first || (!queue_.empty() && queue_.front().sequence <= up_to))) {
      is_first = false;
      std::vector<Item> batch = take_batch();
      const auto now = SteadyClock::now();
      const bool is_last_batch = queue_.empty() || queue_.front().sequence > up_to;
      const bool is_durable = (is_flush && is_last_batch) || now - last_sync_ >= kSyncInterval;
      if (batch.empty() && !(has_unsynced_ && is_durable)) break;
      lock.unlock();
      const auto failure = committer_->commit(batch, is_durable);
      lock.lock();
      is_good = !failure.has_value();
      if (is_good) {
        has_unsynced_ = !is_durable;
        if (is_durable) last_sync_ = now;
        note_success();
      } else {
        put_back(std::move(batch));
        note_failure(*failure);
      }
    }
    if (is_good) is_sync_wanted_ = is_sync_wanted_ && !queue_.empty();
    flush_error_ = is_good ? std::nullopt : problem_;
    flushes_served_ = std::max(flushes_served_, ticket);
    done_.notify_all();
    return is_good;
  }

  std::vector<Item> take_batch() {
    std::vector<Item> batch;
    const std::size_t n = std::min(queue_.size(), kMaxItemsPerCommit);
    batch.reserve(n);
    for (std::size_t i = 0; i < n; ++i) {
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    taken_bytes_ = 0;
    for (const Item& item : batch) taken_bytes_ += bytes_of(item);
    if (!queue_.empty()) oldest_ = newest_;
    return batch;
  }

  void put_back(std::vector<Item> batch) {
    for (auto item = batch.rbegin(); item != batch.rend(); ++item) {
      queue_.push_front(std::move(*item));
    }
  }

  void note_success() {
    queued_bytes_ -= taken_bytes_;
    problem_.reset();
    back_off_ = kFirstBackOff;
    if (num_lost_ == 0) return;
    Json detail = Json::object();
    detail.set("code", "disk_full");
    detail.set("where", "run.db");
    detail.set(
        "message",
        std::to_string(num_lost_) + " samples were not kept while nothing could be written.");
    detail.set("hint", "");
    num_lost_ = 0;
    Item item{++last_sequence_,
              EventItem{"error", 0, system_clock().wall_seconds(), detail.dump()}};
    queued_bytes_ += bytes_of(item);
    oldest_ = newest_ = SteadyClock::now();
    queue_.push_back(std::move(item));
  }

  void note_failure(const CommitFailure& failure) {
    problem_ = failure.error;
    if (num_lost_ > 0) {
      problem_->message += " " + std::to_string(num_lost_) + " samples could not be kept.";
    }
    is_dead_ = failure.is_final;
    retry_at_ = SteadyClock::now() + back_off_;
    back_off_ = std::min(back_off_ * 2, kMaxBackOff);
  }

  std::unique_ptr<Committer> committer_;  // of the thread only

  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable wake_;
  std::condition_variable done_;
  std::deque<Item> queue_;
  std::size_t queued_bytes_ = 0;  // of the queue and of the batch that is being committed
  std::size_t taken_bytes_ = 0;
  std::int64_t last_sequence_;
  std::int64_t num_lost_ = 0;
  SteadyClock::time_point oldest_;
  SteadyClock::time_point newest_;
  SteadyClock::time_point last_sync_;
  SteadyClock::time_point retry_at_;
  milliseconds back_off_ = kFirstBackOff;
  std::int64_t flushes_wanted_ = 0;
  std::int64_t flushes_served_ = 0;
  std::optional<Error> flush_error_;
  std::optional<Error> problem_;
  bool has_unsynced_ = false;
  bool is_sync_wanted_ = false;
  bool is_closing_ = false;
  bool is_dead_ = false;  // a failed sync or a lost file: nothing is written any more
  std::thread thread_;    // last: starts when everything else is there
};

}  // namespace

Result<std::unique_ptr<Writer>> Writer::open(const std::string& path,
                                             int attempt,
                                             std::int64_t resume_after_step) {
  SY_ASSIGN_OR_RETURN(auto committer, Committer::open(path, attempt, resume_after_step));
  return std::unique_ptr<Writer>(std::make_unique<QueueWriter>(std::move(committer)));
}

}  // namespace switchyard::store
