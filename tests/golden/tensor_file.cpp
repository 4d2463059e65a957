#include "tests/golden/tensor_file.h"

#include <ATen/ATen.h>

#include "engine/base/formats/safetensors.h"

namespace switchyard::golden {

Result<Tensors> read_tensors(const std::string& path) {
  static const std::map<std::string, at::ScalarType> kTypes{
      {"F64", at::kDouble}, {"F32", at::kFloat}, {"I64", at::kLong}, {"I32", at::kInt}};
  SY_ASSIGN_OR_RETURN(const auto reader, formats::SafetensorsReader::open(path));
  Tensors tensors;
  for (const formats::TensorInfo& info : reader.tensors()) {
    const auto type = kTypes.find(info.dtype);
    if (type == kTypes.end()) {
      return Error{ErrorCode::kInputFile, path, "unexpected dtype " + info.dtype + ".", "", {}};
    }
    at::Tensor tensor = at::empty(info.shape, type->second);
    SY_RETURN_IF_ERROR(reader.read(info, tensor.mutable_data_ptr()));
    tensors[info.name] = tensor;
  }
  return tensors;
}

void compare_tensor(Comparison& comparison,
                    const std::string& what,
                    const at::Tensor& got,
                    const at::Tensor& want,
                    const Json& tolerance) {
  if (!got.defined() || got.numel() != want.numel()) {
    comparison.failure(what + ": shape");
    return;
  }
  const at::Tensor a = got.detach().to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor b = want.to(at::kDouble).contiguous();
  const auto* x = a.const_data_ptr<double>();
  const auto* y = b.const_data_ptr<double>();
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    comparison.value(what, x[i], y[i], tolerance);
  }
}

void compare_whole(Comparison& comparison,
                   const std::string& what,
                   const at::Tensor& got,
                   const at::Tensor& want,
                   double atol,
                   double rtol) {
  if (!got.defined() || got.numel() != want.numel()) {
    comparison.failure(what + ": shape");
    return;
  }
  if (want.numel() == 0) return;
  const at::Tensor b = want.to(at::kDouble);
  const at::Tensor a = got.detach().to(at::kCPU, at::kDouble).reshape(b.sizes());
  const double error = (a - b).abs().max().item<double>();
  comparison.value(what, error, 0.0, atol + rtol * b.abs().max().item<double>(), 0.0);
}

}  // namespace switchyard::golden
