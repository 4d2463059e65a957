#include "ui/model/glossary.h"

#include <algorithm>
#include <array>
#include <string>

#include "ui/model/words.h"

namespace switchyard::ui {
namespace {

// Symbols: T tokens of a batch, E experts, k experts per token, n_e tokens of expert e, f_e its
// share of them, p probabilities of the router.
constexpr std::array kTerms = {
    GlossaryTerm{
        "params_active",
        "Active parameters",
        "Active",
        "Weights that take part in the computation of one token: everything but the experts "
        "that the token is not sent to.",
        "active = total − Σ layers (E − k) · expert",
        "Fedus et al., Switch Transformers, 2022"},
    GlossaryTerm{
        "bits_per_byte",
        "Bits per byte",
        "val_bits_per_byte|train_bits_per_byte|bpb",
        "Loss per byte of text, in bits. Unlike the loss per token it compares models with "
        "different tokenizers.",
        "bpb = loss / ln 2 · tokens / bytes",
        "Gao et al., The Pile, 2020"},
    GlossaryTerm{
        "capacity_factor",
        "Capacity factor",
        "Capacity",
        "Room of an expert relative to a fair share. Tokens beyond it are dropped: they pass "
        "the layer unchanged.",
        "capacity = factor · T · k / E",
        "Lepikhin et al., GShard, 2020"},
    GlossaryTerm{
        "checkpoint",
        "Checkpoint",
        "Checkpoints",
        "Weights, optimizer, random states and data position on disk. A run that resumes from "
        "one goes on bit for bit as if it had never stopped.",
        "",
        ""},
    GlossaryTerm{
        "dead_experts",
        "Dead expert",
        "Dead|dead_frac",
        "An expert that gets no tokens, so that it no longer learns. Drawn in magenta, never as "
        "the low end of a colour scale.",
        "f_e = 0",
        "Shazeer et al., Sparsely-Gated Mixture-of-Experts, 2017"},
    GlossaryTerm{"dropped_frac",
                 "Dropped tokens",
                 "Dropped",
                 "Share of assignments that found their expert full.",
                 "dropped = Σ_e max(0, n_e − capacity) / (T · k)",
                 "Lepikhin et al., GShard, 2020"},
    GlossaryTerm{
        "expert_utilisation",
        "Expert utilisation",
        "Load|load ÷ fair share|tokens_per_expert|Utilisation",
        "Tokens that an expert got, relative to an even spread: 1 is fair, 2 twice its share.",
        "load_e = n_e · E / (T · k)",
        "Fedus et al., Switch Transformers, 2022"},
    GlossaryTerm{
        "num_experts",
        "Experts",
        "Expert",
        "Feed-forward blocks that stand side by side. A router sends each token to a few of "
        "them, so that the model stores more than it computes.",
        "y = Σ_{e in top-k} g_e · expert_e(x)",
        "Shazeer et al., Sparsely-Gated Mixture-of-Experts, 2017"},
    GlossaryTerm{
        "flops",
        "FLOPs",
        "FLOPs per token",
        "Floating-point operations of forward and backward pass. As an axis they compare sparse "
        "and dense models by what they cost.",
        "about 6 · active parameters per trained token",
        "Kaplan et al., Scaling Laws, 2020"},
    GlossaryTerm{"grad_norm",
                 "Gradient norm",
                 "Gradient",
                 "Length of the gradient of all weights before clipping. Spikes announce trouble.",
                 "‖g‖ = √ Σ g_i²",
                 "Pascanu et al., 2013"},
    GlossaryTerm{"learning_rate",
                 "Learning rate",
                 "LR",
                 "Size of a step of the optimizer; rises during warm-up, then falls as scheduled.",
                 "",
                 ""},
    GlossaryTerm{"load_cv",
                 "Load variation",
                 "max_over_mean|Busiest",
                 "How uneven the load of the experts is: standard deviation over mean; 0 is even.",
                 "cv = σ(n_e) / mean(n_e)",
                 "Shazeer et al., Sparsely-Gated Mixture-of-Experts, 2017"},
    GlossaryTerm{
        "load_balance_loss",
        "Load-balancing loss",
        "Balance loss|aux_loss",
        "Added to the loss so that the router spreads tokens; 1 at a perfectly even spread.",
        "L = E · Σ_e f_e · p_e",
        "Fedus et al., Switch Transformers, 2022"},
    GlossaryTerm{"train_loss",
                 "Loss",
                 "Train loss|Training loss",
                 "Mean surprise of the model at the next token of the training text.",
                 "loss = −1/T · Σ ln p(token)   nats/token",
                 ""},
    GlossaryTerm{"memory_bytes",
                 "Memory",
                 "GPU memory",
                 "Peak of what the device had allocated during a step.",
                 "",
                 ""},
    GlossaryTerm{
        "mod",
        "Mixture-of-Depths",
        "MoD|Skipped",
        "Blocks that only some tokens pass, the others skip them. The block chooses its tokens.",
        "k = capacity · T tokens per block",
        "Raposo et al., Mixture-of-Depths, 2024"},
    GlossaryTerm{"mfu",
                 "Model FLOPs utilisation",
                 "MFU",
                 "Useful operations per second relative to the peak of the device.",
                 "mfu = FLOPs per token · tokens/s / peak",
                 "Chowdhery et al., PaLM, 2022"},
    GlossaryTerm{"perplexity",
                 "Perplexity",
                 "train_perplexity|val_perplexity|ppl",
                 "Number of equally likely tokens that the model hesitates between.",
                 "ppl = exp(loss)",
                 ""},
    GlossaryTerm{"product_keys",
                 "Product keys",
                 "Product-key routing|ETHOS|PEER",
                 "Finds the best of n² experts by two searches among n half keys.",
                 "score(i, j) = q₁ · a_i + q₂ · b_j",
                 "Lample et al., 2019; He, PEER, 2024"},
    GlossaryTerm{"router",
                 "Router",
                 "Gate",
                 "Small layer that scores the experts for each token and picks the best ones.",
                 "p = softmax(W x)",
                 "Shazeer et al., Sparsely-Gated Mixture-of-Experts, 2017"},
    GlossaryTerm{"router_z_loss",
                 "Router z-loss",
                 "z-loss",
                 "Keeps the logits of the router small, against rounding errors.",
                 "L_z = 1/T · Σ (ln Σ_e exp x_e)²",
                 "Zoph et al., ST-MoE, 2022"},
    GlossaryTerm{"router_entropy_nats",
                 "Routing entropy",
                 "Entropy|router_entropy",
                 "How evenly tokens are spread; 1 = uniform, 0 = all to one expert.",
                 "H = −Σ p log p / log E",
                 "Shannon, 1948"},
    GlossaryTerm{
        "smoothing",
        "Smoothing",
        "Smooth",
        "Debiased running mean over all samples, in units of the axis; the raw curve stays "
        "behind it.",
        "m_t = (w · m_{t−1} + (1 − w) · x_t), divided by 1 − w^t",
        "Kingma and Ba, Adam, 2015"},
    GlossaryTerm{"surprise",
                 "Surprise",
                 "Shade",
                 "How unexpected a token was to the model; the stronger the violet, the more.",
                 "s = −log₂ p   bits",
                 "Shannon, 1948"},
    GlossaryTerm{
        "temperature",
        "Temperature",
        "",
        "Divides the logits before sampling: below 1 more certain, above 1 more varied, 0 always "
        "the most probable token.",
        "p_i ∝ exp(x_i / T)",
        ""},
    GlossaryTerm{"tokens_per_second",
                 "Throughput",
                 "tok/s|tokens/s",
                 "Tokens trained per second, evaluations and checkpoints not counted.",
                 "",
                 ""},
    GlossaryTerm{"tokens",
                 "Tokens",
                 "Token",
                 "Pieces of text that the model reads and writes: characters, or parts of words.",
                 "tokens = steps · micro-batch · accumulation · sequence length",
                 ""},
    GlossaryTerm{
        "top_k",
        "Top-k",
        "Active per token",
        "Of a router: experts per token. Of sampling: only the k most probable tokens may be "
        "drawn.",
        "",
        ""},
    GlossaryTerm{"top_p",
                 "Top-p",
                 "Nucleus sampling",
                 "Only the most probable tokens that together reach probability p may be drawn.",
                 "smallest set with Σ p_i ≥ p",
                 "Holtzman et al., 2020"},
    GlossaryTerm{
        "val_loss",
        "Validation loss",
        "Val loss|Validation",
        "Loss on text that the model never trains on. Rising while the training loss falls means "
        "overfitting.",
        "loss = −1/T · Σ ln p(token)   nats/token",
        ""},
    GlossaryTerm{"warmup_steps",
                 "Warm-up",
                 "Warmup|Warmup steps",
                 "First steps, in which the learning rate rises from 0 to its full value.",
                 "lr(t) = lr · t / warmup",
                 ""},
};

bool is_among(std::string_view names, const std::string& wanted) {
  while (!names.empty()) {
    const std::size_t end = names.find('|');
    if (lower_case(names.substr(0, end)) == wanted) return true;
    names.remove_prefix(end == std::string_view::npos ? names.size() : end + 1);
  }
  return false;
}

}  // namespace

std::span<const GlossaryTerm> glossary() {
  return kTerms;
}

const GlossaryTerm* find_term(std::string_view name) {
  if (name.empty()) return nullptr;
  const std::string wanted = lower_case(name);
  const auto found = std::find_if(kTerms.begin(), kTerms.end(), [&](const GlossaryTerm& term) {
    return term.key == wanted || lower_case(term.term) == wanted || is_among(term.also, wanted);
  });
  return found == kTerms.end() ? nullptr : &*found;
}

}  // namespace switchyard::ui
