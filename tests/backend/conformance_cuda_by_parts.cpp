// SPDX-License-Identifier: MIT
// Conformance of the CUDA backend: float products by parts, as models take them where speed counts.
#include <cstddef>

#include "backend/cuda_under_test.hpp"

namespace lamina_tests::conformance {

class ProductsByParts : public CudaBackend {
public:
    explicit ProductsByParts(const CudaOptions& options) : CudaBackend(options) {
        set_float_products(cuda::FloatProducts::bf16x6);
    }
};

template <>
struct UnderTest<ProductsByParts> : UnderTest<CudaBackend> {
    static ProductsByParts with_threads(std::size_t threads) { return ProductsByParts(options(threads)); }
    static ProductsByParts& shared(std::size_t threads) {
        const CudaOptions now = options(threads);
        static auto& backend = *new ProductsByParts(now);
        return backend;
    }
};

}  // namespace lamina_tests::conformance

#define LAMINA_BACKEND_UNDER_TEST lamina_tests::conformance::ProductsByParts
#include "backend/conformance/affine.hpp"
#include "backend/conformance/gelu_form.hpp"
#include "backend/conformance/matmul.hpp"
