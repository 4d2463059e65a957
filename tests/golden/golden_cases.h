#pragma once

#include <string>

#include "engine/base/core/json.h"

namespace switchyard::golden {

/// How the cases that train compute.
struct Way {
  std::string device = "cpu";
  bool use_fused_functions = false;  ///< in float32; float64 has ordinary operations only
};

/// Of this process, from its command line.
Way& way();

/// What running one case gave.
struct CaseOutcome {
  bool passed = false;
  double largest_error = 0.0;  ///< in the unit of `bound`; a count of wrong answers for exact cases
  double bound = 0.0;
  std::string detail;       ///< the first difference, or what was compared
  bool is_skipped = false;  ///< data that the case needs is not there; `detail` says which
};

/// Runs one case: `c` is the parsed document, `folder` the one it lies in, `data_dir` the folder
/// with text/ and tokenizers/ ("" when none was given).
using CaseRunner = CaseOutcome (*)(const Json& c,
                                   const std::string& folder,
                                   const std::string& data_dir);

// Kinds that need no LibTorch (golden_base_cases.cpp, golden_flop_cases.cpp).
CaseOutcome run_safetensors_robustness(const Json& c,
                                       const std::string& folder,
                                       const std::string& data_dir);
CaseOutcome run_safetensors_mutations(const Json& c,
                                      const std::string& folder,
                                      const std::string& data_dir);
CaseOutcome run_char_dataset(const Json& c, const std::string& folder, const std::string& data_dir);

CaseOutcome run_flop_accounting(const Json& c,
                                const std::string& folder,
                                const std::string& data_dir);

// Kinds of the training loop (golden_loop_cases.cpp); no LibTorch either.
CaseOutcome run_sampling_distribution(const Json& c,
                                      const std::string& folder,
                                      const std::string& data_dir);

// Kinds that train (golden_train_cases.cpp), update weights (golden_optimizer_cases.cpp) or look at
// routing (golden_routing_cases.cpp).
CaseOutcome run_optimizer_trajectory(const Json& c,
                                     const std::string& folder,
                                     const std::string& data_dir);
CaseOutcome run_gpt_training_trajectory(const Json& c,
                                        const std::string& folder,
                                        const std::string& data_dir);
CaseOutcome run_moe_training_trajectory(const Json& c,
                                        const std::string& folder,
                                        const std::string& data_dir);
CaseOutcome run_lr_schedule(const Json& c, const std::string& folder, const std::string& data_dir);
CaseOutcome run_routing_stats(const Json& c,
                              const std::string& folder,
                              const std::string& data_dir);


// Layers whose tokens depend on each other (golden_st_moe_cases.cpp, golden_batch_choice_cases.cpp).
CaseOutcome run_st_moe(const Json& c, const std::string& folder, const std::string& data_dir);
CaseOutcome run_expert_choice(const Json& c,
                              const std::string& folder,
                              const std::string& data_dir);
CaseOutcome run_assigned_moe(const Json& c,
                             const std::string& folder,
                             const std::string& data_dir);
CaseOutcome run_soft_moe(const Json& c, const std::string& folder, const std::string& data_dir);
CaseOutcome run_router_sinkhorn(const Json& c,
                                const std::string& folder,
                                const std::string& data_dir);
// Layers of routed experts (golden_layer_cases.cpp), and what routing keeps from step to step
// (golden_controller_cases.cpp).
CaseOutcome run_topk_moe(const Json& c, const std::string& folder, const std::string& data_dir);
CaseOutcome run_noisy_topk(const Json& c, const std::string& folder, const std::string& data_dir);
CaseOutcome run_relu_moe(const Json& c, const std::string& folder, const std::string& data_dir);
CaseOutcome run_router_cosine(const Json& c, const std::string& folder, const std::string& data_dir);
CaseOutcome run_router_topp(const Json& c, const std::string& folder, const std::string& data_dir);
CaseOutcome run_aux_losses(const Json& c, const std::string& folder, const std::string& data_dir);
CaseOutcome run_balance_controller(const Json& c, const std::string& folder, const std::string& data_dir);
CaseOutcome run_coor_descent(const Json& c, const std::string& folder, const std::string& data_dir);
CaseOutcome run_lambda_controller(const Json& c, const std::string& folder, const std::string& data_dir);
CaseOutcome run_threshold_ema(const Json& c, const std::string& folder, const std::string& data_dir);

}  // namespace switchyard::golden
