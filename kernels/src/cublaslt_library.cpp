#include "kernels/src/cublaslt_library.h"

#include <string>
#include <type_traits>

#include <dlfcn.h>

namespace switchyard::kernels::product {
namespace {

struct Loaded {
  CublasLt functions{};
  std::string fault;

  Loaded() {
    // Never closed: products of other threads may still run when a thread ends. The name is of the
    // version whose header we see; one that the process has loaded already is taken.
    const std::string name = "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR);
    void* library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      const char* reason = dlerror();
      fault = "cuBLASLt cannot be loaded: " + (reason != nullptr ? std::string(reason) : name);
      return;
    }
    const auto load = [&](auto* function, const char* symbol) {
      void* address = dlsym(library, symbol);
      if (address == nullptr) fault = name + " has no " + symbol;
      *function = reinterpret_cast<std::remove_pointer_t<decltype(function)>>(address);
    };
    load(&functions.Create, "cublasLtCreate");
    load(&functions.Destroy, "cublasLtDestroy");
    load(&functions.GetStatusString, "cublasLtGetStatusString");
    load(&functions.GetVersion, "cublasLtGetVersion");
    load(&functions.Matmul, "cublasLtMatmul");
    load(&functions.MatmulAlgoCheck, "cublasLtMatmulAlgoCheck");
    load(&functions.MatmulAlgoConfigGetAttribute, "cublasLtMatmulAlgoConfigGetAttribute");
    load(&functions.MatmulAlgoConfigSetAttribute, "cublasLtMatmulAlgoConfigSetAttribute");
    load(&functions.MatmulAlgoGetHeuristic, "cublasLtMatmulAlgoGetHeuristic");
    load(&functions.MatmulAlgoInit, "cublasLtMatmulAlgoInit");
    load(&functions.MatmulDescCreate, "cublasLtMatmulDescCreate");
    load(&functions.MatmulDescDestroy, "cublasLtMatmulDescDestroy");
    load(&functions.MatmulDescSetAttribute, "cublasLtMatmulDescSetAttribute");
    load(&functions.MatmulPreferenceCreate, "cublasLtMatmulPreferenceCreate");
    load(&functions.MatmulPreferenceDestroy, "cublasLtMatmulPreferenceDestroy");
    load(&functions.MatmulPreferenceSetAttribute, "cublasLtMatmulPreferenceSetAttribute");
    load(&functions.MatrixLayoutCreate, "cublasLtMatrixLayoutCreate");
    load(&functions.MatrixLayoutDestroy, "cublasLtMatrixLayoutDestroy");
  }
};

const Loaded& loaded() {
  static const Loaded instance;
  return instance;
}

}  // namespace

const CublasLt* cublaslt() {
  return loaded().fault.empty() ? &loaded().functions : nullptr;
}

const char* fault_of_cublaslt() {
  return loaded().fault.c_str();
}

}  // namespace switchyard::kernels::product
