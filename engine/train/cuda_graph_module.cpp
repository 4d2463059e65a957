// The one file that is linked with the CUDA half of LibTorch: a library of its own, loaded when a
// graph is recorded, so that the engine starts where that half is not installed.
#include <ATen/cuda/CUDAGraph.h>

extern "C" {

__attribute__((visibility("default"))) void* sy_cuda_graph_create() {
  return new at::cuda::CUDAGraph();
}

__attribute__((visibility("default"))) void sy_cuda_graph_destroy(void* graph) {
  delete static_cast<at::cuda::CUDAGraph*>(graph);
}

__attribute__((visibility("default"))) void sy_cuda_graph_begin(void* graph) {
  static_cast<at::cuda::CUDAGraph*>(graph)->capture_begin();
}

__attribute__((visibility("default"))) void sy_cuda_graph_end(void* graph) {
  static_cast<at::cuda::CUDAGraph*>(graph)->capture_end();
}

__attribute__((visibility("default"))) void sy_cuda_graph_replay(void* graph) {
  static_cast<at::cuda::CUDAGraph*>(graph)->replay();
}
}
