#include "engine/base/config/schema.h"
#include "engine/base/config/schema_sections.h"

namespace switchyard::config {
namespace {

constexpr double kMostSteps = 1e9;

void describe_layers(Schema& model, const std::vector<RoutingDeclaration>& routing) {
  Json feed_forward = Json::object({{"type", "dense"}});
  Json layer = Json::object({{"repeat", 4}, {"feed_forward", std::move(feed_forward)}});
  Schema& item = model.list(
      "layers", Json::array({std::move(layer)}), "the layers from the first to the last");
  item.integer("repeat", 1)
      .range(1, 512)
      .in("layers")
      .says("how many equal layers this entry stands for")
      .at_level(Level::kEssential);
  item.variant("feed_forward")
      .says("what follows attention: one dense block, or experts chosen per token")
      .at_level(Level::kEssential);
  describe_dense_block(item.alternative("feed_forward",
                                  "dense",
                                  "one feed-forward block for all tokens",
                                  "Vaswani et al. 2017, arXiv 1706.03762, section 3.3"));
  describe_routed_experts(item.alternative("feed_forward",
                                           "routed_experts",
                                           "many experts, a few of them for each token",
                                           "Shazeer et al. 2017, arXiv 1701.06538, section 2"),
                          routing);
}

void describe_model_shape(Schema& s) {
  s.integer("d_model", 128)
      .range(1, 65536)
      .in("features")
      .named("Width")
      .says("features of each token's vector")
      .at_level(Level::kEssential);
  s.integer("num_heads", 4)
      .range(1, 1024)
      .in("heads")
      .named("Heads")
      .says("attention heads; must divide d_model")
      .at_level(Level::kEssential);
  s.integer("seq_len", 64)
      .range(1, 1 << 20)
      .in("tokens")
      .named("Context")
      .says("tokens the model sees at once")
      .at_level(Level::kEssential);
  s.choice("position", "learned", {"learned", "rope"})
      .says("learned position table, or rotary embedding of queries and keys");
  s.number("rope_theta", 10000.0)
      .range(1.0, 1e9)
      .named("RoPE theta")
      .says("base of the rotary frequencies (position \"rope\" only)")
      .at_level(Level::kAll);
  s.choice("norm", "layer_norm", {"layer_norm", "rms_norm"})
      .says("normalisation before attention, before the feed-forward block and before the head");
  s.number("norm_eps", 1e-5)
      .above(0.0, 1.0)
      .says("added to the variance before the root")
      .at_level(Level::kAll);
}

void describe_model(Schema& s, const std::vector<RoutingDeclaration>& routing) {
  describe_note(s);
  describe_model_shape(s);
  s.boolean("use_bias", false)
      .says("bias vectors in linear maps and layer norms; experts and routers have none");
  s.choice("qk_norm", "none", {"none", "full", "head"})
      .named("Query/key norm")
      .says("RMS norm of queries and keys: over the whole vector, or per head");
  s.number("dropout", 0.0)
      .range(0.0, 0.99)
      .in("fraction")
      .says("fraction of features set to zero while training");
  s.boolean("use_tied_head", true)
      .named("Tied head")
      .says("the output matrix is the token embedding itself");
  s.number("init_std", 0.02)
      .above(0.0, 10.0)
      .says("standard deviation of the initial weights")
      .at_level(Level::kAll);
  s.integer("vocab_size", 0)
      .range(0, 16'777'216)
      .in("tokens")
      .says(
          "tokens the model has room for; 0 takes the tokenizer's vocabulary, the smallest "
          "possible")
      .at_level(Level::kAll);
  s.integer("vocab_size_multiple", 1)
      .range(1, 4096)
      .in("tokens")
      .says("the vocabulary is padded up to a multiple of this")
      .at_level(Level::kAll);
  describe_layers(s, routing);
  s.rule("d_model_divisible_by_num_heads");
  s.rule("head_dim_even_for_rope");
  s.rule("num_layers_within_limit");
}

void describe_data(Schema& s) {
  describe_note(s);
  s.text("dataset", "shakespeare")
      .named("Data set")
      .says("name of a data set (switchyard-engine data list)")
      .at_level(Level::kEssential);
  s.text("text_file", "")
      .named("Text file")
      .says("a UTF-8 text file of your own, used instead of the data set")
      .at_level(Level::kEssential);
  s.choice("tokenizer", "char", {"char", "byte"})
      .says("one token per character of the text, or one per byte");
  s.number("train_frac", 0.9)
      .above(0.0, 0.999999)
      .in("fraction")
      .named("Training part")
      .says("the first part of the text trains, the rest validates");
  s.rule("dataset_or_text_file");
}

Field& steps(Schema& s, std::string_view key, std::int64_t default_value, std::string_view help) {
  return s.integer(key, default_value)
      .range(0, kMostSteps)
      .in("steps")
      .says(help)
      .at_level(Level::kEssential)
      .resumable();
}

void warmup_steps(Schema& s) {
  steps(s, "warmup_steps", 100, "steps until the rate has risen to its peak");
}

void decay_steps(Schema& s) {
  steps(s, "decay_steps", 2000, "step at which the lowest rate is reached").range(1, kMostSteps);
}

void min_learning_rate(Schema& s, double default_value) {
  s.number("min_learning_rate", default_value)
      .range(0.0, 10.0)
      .says("lowest rate at the end of the decay")
      .resumable();
}

void describe_cosine(Schema& s) {
  describe_note(s);
  warmup_steps(s);
  decay_steps(s);
  min_learning_rate(s, 1e-4);
  s.boolean("use_zero_start", false)
      .says("warm up as step / warmup_steps instead of (step + 1) / (warmup_steps + 1)")
      .at_level(Level::kAll)
      .resumable();
  s.rule("warmup_at_most_decay");
}

void describe_linear(Schema& s) {
  describe_note(s);
  warmup_steps(s);
  decay_steps(s);
  min_learning_rate(s, 0.0);
  s.rule("warmup_at_most_decay");
}

void describe_wsd(Schema& s) {
  describe_note(s);
  warmup_steps(s);
  steps(s, "stable_steps", 1500, "steps at the peak rate after the warm-up");
  steps(s, "cooldown_steps", 400, "steps of the decay after the stable part").range(1, kMostSteps);
  s.choice("decay_shape", "linear", {"linear", "cosine", "one_minus_sqrt"})
      .says("curve of the decay")
      .resumable();
  min_learning_rate(s, 0.0);
}

void describe_wsd_fraction(Schema& s) {
  describe_note(s);
  warmup_steps(s);
  decay_steps(s);
  s.number("stable_frac", 0.8)
      .range(0.0, 1.0)
      .in("fraction")
      .says("the decay starts after this fraction of decay_steps")
      .resumable();
  min_learning_rate(s, 0.0);
  s.rule("warmup_at_most_decay");
}

void describe_inverse_sqrt(Schema& s) {
  describe_note(s);
  warmup_steps(s);
  steps(s, "timescale_steps", 100, "steps after which the rate has fallen by the root of two")
      .range(1, kMostSteps);
}

void describe_schedule(Schema& root) {
  root.variant("schedule").says("how the learning rate changes over the steps");
  describe_cosine(root.alternative("schedule",
                                   "cosine",
                                   "warm-up, then half a cosine down to the lowest rate",
                                   "Loshchilov & Hutter 2016, arXiv 1608.03983, eq. 5"));
  describe_linear(root.alternative(
      "schedule", "linear", "warm-up, then a straight line down to the lowest rate"));
  describe_wsd(root.alternative("schedule",
                                "wsd",
                                "warm-up, a stable part, then a short decay",
                                "Hu et al. 2024, arXiv 2404.06395, section 4"));
  describe_wsd_fraction(root.alternative(
      "schedule",
      "wsd_fraction",
      "warm-up, stable until a fraction of the steps, then 1 - sqrt down to the lowest rate",
      "Haegele et al. 2024, arXiv 2405.18392"));
  describe_inverse_sqrt(root.alternative("schedule",
                                         "inverse_sqrt",
                                         "warm-up, then falling with the root of the step",
                                         "Vaswani et al. 2017, arXiv 1706.03762, eq. 3"));
  describe_note(root.alternative("schedule", "constant", "the peak rate at every step"));
  Schema& with_warmup =
      root.alternative("schedule", "constant_warmup", "warm-up, then the peak rate at every step");
  describe_note(with_warmup);
  warmup_steps(with_warmup);
}

void describe_train(Schema& s) {
  describe_note(s);
  s.integer("max_steps", 2000)
      .range(1, kMostSteps)
      .in("steps")
      .named("Steps")
      .says("optimizer steps of the whole run")
      .at_level(Level::kEssential)
      .resumable();
  s.integer("micro_batch_size", 12)
      .range(1, 65536)
      .in("sequences")
      .named("Batch")
      .says("sequences per forward and backward pass")
      .at_level(Level::kEssential)
      .resumable();  // check_batch_split(): the product with grad_accum_steps stays
  s.integer("grad_accum_steps", 1)
      .range(1, 65536)
      .in("passes")
      .named("Gradient accumulation")
      .says("passes whose gradients are averaged for one optimizer step")
      .resumable();
  s.integer("seed", 1337)
      .range(0, 9007199254740991.0)
      .says("decides initial weights, batches and dropout");
  s.integer("eval_interval_steps", 250)
      .range(0, kMostSteps)
      .in("steps")
      .named("Evaluate every")
      .says("steps between two evaluations; 0 evaluates only at the end")
      .resumable();
  s.integer("eval_windows", 512)
      .range(0, kMostSteps)
      .in("windows")
      .says("windows of seq_len tokens per evaluation during training; 0 takes the whole split")
      .resumable();
  s.number("z_loss_coef", 0.0)
      .range(0.0, 1.0)
      .named("Output z-loss")
      .says("factor of the squared log-sum of the output logits, which keeps them near zero; 1e-4 is "
            "usual, 0 leaves it out (validation never has it)")
      .at_level(Level::kAll)
      .resumable();
  s.choice("compute_dtype", "auto", {"auto", "float32", "bfloat16"})
      .named("Compute type")
      .says("number format of the matrix products; auto is bfloat16 on a GPU, float32 on a CPU");
  s.choice("residual_dtype", "auto", {"auto", "float32", "bfloat16"})
      .named("Residual type")
      .says("number format of the stream that layers add to; auto is the compute type")
      .at_level(Level::kAll);
  s.choice("fused_functions", "auto", {"auto", "on", "off"})
      .named("Fused functions")
      .says("layers as few passes over memory with kernels of their own; auto takes them on a GPU, "
            "on a CPU they are slow and meant for tests")
      .at_level(Level::kAll);
  s.boolean("use_deterministic_attention", true)
      .says("sum the gradients of fused attention in a fixed order: the same bits in every run, at "
            "about one percent of the speed")
      .at_level(Level::kAll);
  s.boolean("use_activation_checkpointing", false)
      .says("keep only the input of each layer and compute the rest again in the backward pass: "
            "much less memory for about a third more work")
      .resumable();
  s.boolean("use_cuda_graph", true)
      .named("CUDA graph")
      .says("record the forward and backward pass once and replay it as a whole on a GPU")
      .at_level(Level::kAll)
      .resumable();
  s.integer("num_threads", 0)
      .range(0, 4096)
      .in("threads")
      .says("CPU threads; 0 takes all cores")
      .resumable();
}

void describe_checkpoint(Schema& s) {
  describe_note(s);
  s.integer("interval_steps", 250)
      .range(0, kMostSteps)
      .in("steps")
      .named("Save every")
      .says("steps between two checkpoints; 0 saves only at the end")
      .resumable();
  s.integer("keep_last", 2)
      .range(2, 100000)
      .in("checkpoints")
      .says("newest checkpoints to keep; the best one is always kept")
      .resumable();
}

void describe_guard(Schema& s) {
  describe_note(s);
  s.boolean("use_guard", true)
      .named("Guard")
      .says("skip steps whose loss or gradient is not finite or jumps, and roll back when needed")
      .resumable();
  s.number("spike_sigma", 6.0)
      .above(0.0, 1000.0)
      .in("standard deviations")
      .says("a loss or gradient norm this far above its recent mean is a spike")
      .resumable();
  s.integer("window_steps", 128)
      .range(8, 100000)
      .in("steps")
      .says("recent steps that mean and deviation are taken from")
      .resumable();
  s.integer("max_consecutive_skips", 3)
      .range(0, 1000)
      .in("steps")
      .says("skipped steps in a row before the run rolls back")
      .resumable();
  s.integer("max_rollbacks", 3)
      .range(0, 1000)
      .in("rollbacks")
      .says("rollbacks before the run stops as failed")
      .resumable();
}

void describe_log(Schema& s) {
  describe_note(s);
  s.integer("interval_steps", 10)
      .range(1, kMostSteps)
      .in("steps")
      .named("Log every")
      .says("steps between two samples of loss, rate and speed")
      .resumable();
  s.integer("routing_interval_steps", 10)
      .range(1, kMostSteps)
      .in("steps")
      .says("steps between two samples of the routing statistics")
      .resumable();
  s.boolean("use_routing_stats", true)
      .named("Routing statistics")
      .says("record how tokens are routed")
      .resumable();
  s.integer("probe_interval_steps", -1)
      .range(-1, kMostSteps)
      .in("steps")
      .says("steps between two probes of the routing; -1: at each evaluation, 0: never")
      .resumable();
  s.integer("probe_tokens", 2048).range(64, 65536).in("tokens").says("in a probe").resumable();
}

}  // namespace

Schema run_schema(const std::vector<RoutingDeclaration>& routing) {
  Schema s;
  s.choice("schema", "switchyard.run", {"switchyard.run"})
      .says("kind of this document")
      .at_level(Level::kAll);
  s.integer("version", kRunVersion)
      .range(1, kRunVersion)
      .says("version of this document's keys; absent means the current one")
      .at_level(Level::kAll);
  s.text("name", "run")
      .range(0, 100)
      .says("names the run and its folder")
      .at_level(Level::kEssential)
      .resumable();
  describe_note(s);
  describe_model(s.object("model", "the network"), routing);
  describe_data(s.object("data", "what it learns from"));
  describe_optimizer(s);
  describe_schedule(s);
  describe_train(s.object("train", "how long and how fast"));
  describe_checkpoint(s.object("checkpoint", "when the run is saved"));
  describe_guard(s.object("guard", "what happens when the numbers go wrong"));
  describe_log(s.object("log", "what is recorded, and how often"));
  s.rule("name_is_a_file_name");
  s.rule("min_learning_rate_at_most_peak");
  return s;
}

}  // namespace switchyard::config
