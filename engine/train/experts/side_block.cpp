#include "engine/train/experts/side_block.h"

#include <ATen/ATen.h>

namespace switchyard::train {
namespace {

DenseFeedForward make_block(const config::Node& model,
                            const config::Node& layer,
                            std::int64_t d_ff,
                            const std::string& name) {
  const Json options =
      Json::object({{"d_ff", d_ff},
                    {"activation", layer.text("activation")},
                    {"use_multiplicative_bias", layer.boolean("use_multiplicative_bias")}});
  return {model, config::Node(options), name};
}

}  // namespace

SideBlock::SideBlock(const config::Node& model,
                     const config::Node& options,
                     std::int64_t d_ff,
                     const std::string& name)
    : norm_(model,
            name + ".norm",
            model.integer("d_model"),
            model.text("norm") == "rms_norm",
            model.boolean("use_bias")),
      feed_forward_(make_block(model, options, d_ff, name)) {}

void SideBlock::declare(ParameterStore& parameters) const {
  norm_.declare(parameters);
  feed_forward_.declare(parameters);
}

void SideBlock::bind(ParameterStore& parameters, Fusion* fusion) {
  norm_.bind(parameters, fusion);
  feed_forward_.bind(parameters, fusion);
}

at::Tensor SideBlock::forward(at::Tensor& x,
                              const at::Tensor& delta,
                              const Dropout& dropout,
                              at::ScalarType compute) const {
  return feed_forward_.forward(norm_.forward_sum(x, delta, dropout, compute));
}

}  // namespace switchyard::train
