// SPDX-License-Identifier: MIT
// The cuBLASLt functions that lamina calls, on the host: column-major products with epilogues, and a few algorithms that
// differ in alignment, workspace and the order of their sums. It refuses what NVIDIA's manual does not list: a case that
// passes here is meant to be one that the library has.
#include "cuda_emulation/cublaslt.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <lamina/core/bfloat16.hpp>

#include "cuda_emulation/runtime.hpp"

namespace {

using lamina::bf16;
using namespace lamina_tests::emulator;

std::vector<LibraryCall> calls;
bool computes = true;
Offer offered = Offer::all;
std::size_t version = CUBLAS_VERSION;
std::size_t refusals = 0;
std::size_t wrong_descriptors = 0;
using Price = std::function<std::chrono::nanoseconds(const LibraryCall&)>;
Price price_of = [] {
    const char* const quickest = std::getenv("LAMINA_EMULATED_QUICKEST");
    if (quickest == nullptr) return Price();
    return Price([number = std::strtoull(quickest, nullptr, 10)](const LibraryCall& call) {
        return std::chrono::milliseconds(call.algorithm == number ? 0 : 50);
    });
}();

/// Attributes by number, as bytes of the size that the manual gives.
struct Attributes {
    std::map<int, std::vector<std::byte>> values;

    void declare(int attribute, const auto& value) {
        const auto* const bytes = reinterpret_cast<const std::byte*>(&value);
        values[attribute].assign(bytes, bytes + sizeof value);
    }
    cublasStatus_t set(int attribute, const void* from, std::size_t size) {
        const auto found = values.find(attribute);
        if (found == values.end() || from == nullptr || found->second.size() != size)
            return CUBLAS_STATUS_INVALID_VALUE;
        std::memcpy(found->second.data(), from, size);
        return CUBLAS_STATUS_SUCCESS;
    }
    template <class T>
    [[nodiscard]] T get(int attribute) const {
        T value;
        std::memcpy(&value, values.at(attribute).data(), sizeof value);
        return value;
    }
};

struct Layout {
    cudaDataType_t type;
    std::uint64_t rows, cols;
    std::int64_t ld;

    [[nodiscard]] std::size_t element() const { return type == CUDA_R_64F ? 8 : type == CUDA_R_32F ? 4 : 2; }
    friend bool operator==(const Layout&, const Layout&) = default;
};

/// One of this library's algorithms, as it is kept in the words of a cublasLtMatmulAlgo_t.
struct Method {
    std::uint64_t id = 0;
    std::uint64_t alignment = 2;  // of A, B, C and D and their leading dimensions, in bytes
    std::uint64_t scheme = CUBLASLT_REDUCTION_SCHEME_NONE;
    std::uint64_t workspace = 0;
    std::uint64_t chunk = 0;  // terms that are summed apart, then added; 0: all in one sequence
    std::uint64_t magic = 0x6C616D696E61;
};
static_assert(sizeof(Method) <= sizeof(cublasLtMatmulAlgo_t));

constexpr std::size_t mebibyte = std::size_t{1} << 20U;
constexpr std::array<Method, 5> methods{{{.id = 11, .alignment = 16, .workspace = 65536, .chunk = 64},
                                         {.id = 12, .alignment = 16},
                                         {.id = 13,
                                          .alignment = 16,
                                          .scheme = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE,
                                          .workspace = 4 * mebibyte,
                                          .chunk = 128},
                                         {.id = 14, .alignment = 16, .scheme = CUBLASLT_REDUCTION_SCHEME_INPLACE},
                                         {.id = 15, .alignment = 2, .chunk = 32}}};

Method method_of(const cublasLtMatmulAlgo_t& algorithm) {
    Method method;
    std::memcpy(&method, algorithm.data, sizeof method);
    return method;
}

Attributes& attributes(cublasLtMatmulDesc_t object) { return *reinterpret_cast<Attributes*>(object); }
Attributes& attributes(cublasLtMatmulPreference_t object) { return *reinterpret_cast<Attributes*>(object); }
Layout& layout(cublasLtMatrixLayout_t object) { return *reinterpret_cast<Layout*>(object); }

struct Call {
    const Attributes& product;
    Layout a, b, c, d;

    [[nodiscard]] auto epilogue() const {
        return static_cast<cublasLtEpilogue_t>(product.get<std::uint32_t>(CUBLASLT_MATMUL_DESC_EPILOGUE));
    }
    [[nodiscard]] auto compute() const {
        return static_cast<cublasComputeType_t>(product.get<std::int32_t>(CUBLASLT_MATMUL_DESC_COMPUTE_TYPE));
    }
    [[nodiscard]] auto scale_type() const {
        return static_cast<cudaDataType_t>(product.get<std::int32_t>(CUBLASLT_MATMUL_DESC_SCALE_TYPE));
    }
    [[nodiscard]] bool transposed(int which) const { return product.get<std::int32_t>(which) == CUBLAS_OP_T; }
    [[nodiscard]] const void* bias() const { return product.get<const void*>(CUBLASLT_MATMUL_DESC_BIAS_POINTER); }
    [[nodiscard]] void* aux() const { return product.get<void*>(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER); }
    [[nodiscard]] auto aux_ld() const { return product.get<std::int64_t>(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD); }
    [[nodiscard]] std::uint64_t depth() const { return transposed(CUBLASLT_MATMUL_DESC_TRANSA) ? a.rows : a.cols; }
};

/// The rows of the manual's table of types that lamina knows: what C and D are, A and B being alike.
bool types_listed(const Call& call) {
    const auto all_operands = [&](cudaDataType_t type) { return call.a.type == type && call.b.type == type; };
    const auto results = [&](cudaDataType_t type) { return call.c.type == type && call.d.type == type; };
    switch (call.compute()) {
        case CUBLAS_COMPUTE_64F:
            return call.scale_type() == CUDA_R_64F && all_operands(CUDA_R_64F) && results(CUDA_R_64F);
        case CUBLAS_COMPUTE_32F:
            if (call.scale_type() != CUDA_R_32F) return false;
            if (all_operands(CUDA_R_32F)) return results(CUDA_R_32F);
            return all_operands(CUDA_R_16BF) && (results(CUDA_R_16BF) || results(CUDA_R_32F));
        case CUBLAS_COMPUTE_32F_FAST_TF32:
            return call.scale_type() == CUDA_R_32F && all_operands(CUDA_R_32F) && results(CUDA_R_32F);
        default:
            return false;
    }
}

bool multiple(std::uint64_t value, std::uint64_t of) { return value % of == 0; }
bool multiple(const void* address, std::uint64_t of) { return multiple(reinterpret_cast<std::uintptr_t>(address), of); }

/// Bias and auxiliary matrix have D's type here. Those with an auxiliary matrix are kept to bf16: kernels for other types
/// are not promised.
cublasStatus_t epilogue_status(const Call& call) {
    const int bits = call.epilogue();
    switch (bits) {
        case CUBLASLT_EPILOGUE_DEFAULT:
            return CUBLAS_STATUS_SUCCESS;
        case CUBLASLT_EPILOGUE_BIAS:
        case CUBLASLT_EPILOGUE_GELU_AUX:
        case CUBLASLT_EPILOGUE_GELU_AUX_BIAS:
        case CUBLASLT_EPILOGUE_DGELU:
            break;
        default:
            return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if ((bits & CUBLASLT_EPILOGUE_BIAS) != 0) {
        if (call.bias() == nullptr) return CUBLAS_STATUS_INVALID_VALUE;
        if (call.d.type == CUDA_R_64F || !multiple(call.bias(), 16)) return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if ((bits & 128) != 0) {
        if (call.aux() == nullptr || !multiple(static_cast<std::uint64_t>(call.aux_ld()), 8) ||
            call.aux_ld() < static_cast<std::int64_t>(call.d.rows)) {
            return CUBLAS_STATUS_INVALID_VALUE;
        }
        if (call.a.type != CUDA_R_16BF || call.d.type != CUDA_R_16BF || !multiple(call.aux(), 16)) {
            return CUBLAS_STATUS_NOT_SUPPORTED;
        }
    }
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t status_of(const Call& call) {
    const bool turn_a = call.transposed(CUBLASLT_MATMUL_DESC_TRANSA);
    const bool turn_b = call.transposed(CUBLASLT_MATMUL_DESC_TRANSB);
    const std::uint64_t m = turn_a ? call.a.cols : call.a.rows;
    const std::uint64_t n = turn_b ? call.b.rows : call.b.cols;
    const std::uint64_t k_of_b = turn_b ? call.b.cols : call.b.rows;
    for (const Layout& matrix : {call.a, call.b, call.c, call.d}) {
        if (matrix.rows == 0 || matrix.cols == 0 || matrix.ld < static_cast<std::int64_t>(matrix.rows)) {
            return CUBLAS_STATUS_INVALID_VALUE;
        }
        if (matrix.rows > 0x7FFF'FFFFU || matrix.cols > 0x7FFF'FFFFU) return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if (m != call.d.rows || n != call.d.cols || call.depth() != k_of_b) return CUBLAS_STATUS_INVALID_VALUE;
    if (call.c.rows != m || call.c.cols != n) return CUBLAS_STATUS_INVALID_VALUE;
    if (!types_listed(call)) return CUBLAS_STATUS_NOT_SUPPORTED;
    return epilogue_status(call);
}

/// Whether a method's wants are met by the leading dimensions.
bool suits(const Method& method, const Call& call) {
    for (const Layout& matrix : {call.a, call.b, call.c, call.d}) {
        const std::uint64_t least = std::max<std::uint64_t>(matrix.element(), method.alignment);
        if (!multiple(static_cast<std::uint64_t>(matrix.ld) * matrix.element(), least)) return false;
    }
    return true;
}

/// A number as a tf32 unit sees it: 10 fraction bits.
float as_tf32(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    return std::bit_cast<float>((bits + 0x1000U) & 0xFFFF'E000U);
}

double element_of(const void* data, cudaDataType_t type, std::size_t index) {
    if (type == CUDA_R_64F) return static_cast<const double*>(data)[index];
    if (type == CUDA_R_32F) return static_cast<const float*>(data)[index];
    return float(static_cast<const bf16*>(data)[index]);
}
template <class Sum>
void store(void* data, cudaDataType_t type, std::size_t index, Sum value) {
    if (type == CUDA_R_64F) {
        static_cast<double*>(data)[index] = value;
    } else if (type == CUDA_R_32F) {
        static_cast<float*>(data)[index] = static_cast<float>(value);
    } else {
        static_cast<bf16*>(data)[index] = bf16(static_cast<float>(value));
    }
}

double gelu(double z) { return z / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (z + 0.044715 * z * z * z))); }
double gelu_slope(double z) {
    const double c = std::sqrt(2 / M_PI);
    const double t = std::tanh(c * (z + 0.044715 * z * z * z));
    return (1 + t) / 2 + z / 2 * (1 - t * t) * c * (1 + 3 * 0.044715 * z * z);
}

/// op(matrix) with its `k` terms along the rows: of A, transposed, and of B, [k, count].
template <class Sum>
std::vector<Sum> terms(const void* data, const Layout& matrix, bool along_ld, std::uint64_t k, bool tf32) {
    const std::uint64_t count = matrix.rows * matrix.cols / k;
    std::vector<Sum> result(k * count);
    for (std::uint64_t i = 0; i < k; ++i) {
        for (std::uint64_t vector = 0; vector < count; ++vector) {
            const std::size_t row = along_ld ? vector : i;
            const std::size_t col = along_ld ? i : vector;
            const double value = element_of(data, matrix.type, row + col * static_cast<std::size_t>(matrix.ld));
            result[i * count + vector] = tf32 ? as_tf32(static_cast<float>(value)) : static_cast<Sum>(value);
        }
    }
    return result;
}

/// One column of A·B: sums of `chunk` terms each, added up. Many rows at once, which the host's vector units take, and
/// four terms at once, which spares them most of their loads and stores.
template <class Sum>
void multiply_column(const std::vector<Sum>& a, const Sum* b, std::uint64_t stride, std::uint64_t k,
                     std::uint64_t chunk, std::vector<Sum>& sums, std::vector<Sum>& part) {
    const std::uint64_t count = sums.size();
    std::fill(sums.begin(), sums.end(), Sum(0));
    for (std::uint64_t first = 0; first < k; first += chunk) {
        const std::uint64_t last = std::min(k, first + chunk);
        std::fill(part.begin(), part.end(), Sum(0));
        std::uint64_t i = first;
        for (; i + 4 <= last; i += 4) {
            const Sum b0 = b[i * stride], b1 = b[(i + 1) * stride], b2 = b[(i + 2) * stride], b3 = b[(i + 3) * stride];
            const Sum* const row = &a[i * count];
            for (std::uint64_t r = 0; r < count; ++r) {
                part[r] += (row[r] * b0 + row[count + r] * b1) + (row[2 * count + r] * b2 + row[3 * count + r] * b3);
            }
        }
        for (; i < last; ++i) {
            for (std::uint64_t r = 0; r < count; ++r) part[r] += a[i * count + r] * b[i * stride];
        }
        for (std::uint64_t r = 0; r < count; ++r) sums[r] += part[r];
    }
}

struct Operands {
    const void* a;
    const void* b;
    const void* c;
    void* d;
    double alpha, beta;
};

/// Everything that the work needs, copied: it may run when the call is long over, from a graph.
struct Work {
    Operands data;
    Layout a, b, c, d;
    std::uint64_t k, chunk;
    bool turn_a, turn_b, tf32;
    cublasLtEpilogue_t epilogue;
    const void* bias;
    void* aux;
    std::int64_t aux_ld;

    template <class Sum>
    void compute() const {
        const auto lhs = terms<Sum>(data.a, a, !turn_a, k, tf32);
        const auto rhs = terms<Sum>(data.b, b, turn_b, k, tf32);
        std::vector<Sum> sums(d.rows);
        std::vector<Sum> part(d.rows);
        for (std::uint64_t col = 0; col < d.cols; ++col) {
            multiply_column(lhs, &rhs[col], d.cols, k, chunk == 0 ? k : chunk, sums, part);
            for (std::uint64_t row = 0; row < d.rows; ++row) {
                Sum z = static_cast<Sum>(data.alpha) * sums[row];
                const auto at = [&](std::int64_t ld) { return row + col * static_cast<std::size_t>(ld); };
                if (data.beta != 0) z += static_cast<Sum>(data.beta * element_of(data.c, c.type, at(c.ld)));
                if ((epilogue & CUBLASLT_EPILOGUE_BIAS) != 0) z += static_cast<Sum>(element_of(bias, d.type, row));
                if (epilogue == CUBLASLT_EPILOGUE_DGELU) {
                    z *= static_cast<Sum>(gelu_slope(element_of(aux, d.type, at(aux_ld))));
                } else if ((epilogue & 128) != 0) {
                    store(aux, d.type, at(aux_ld), z);
                    z = static_cast<Sum>(gelu(z));
                }
                store(data.d, d.type, at(d.ld), z);
            }
        }
    }
};

/// Columns of one wider matrix, side by side, do not overlap.
bool side_by_side(const void* a, const Layout& of_a, const void* b, const Layout& of_b) {
    if (of_a.ld != of_b.ld || of_a.element() != of_b.element()) return false;
    const auto step = of_a.ld * static_cast<std::int64_t>(of_a.element());
    const auto apart = static_cast<const std::byte*>(b) - static_cast<const std::byte*>(a);
    const auto offset = static_cast<std::uint64_t>((apart % step + step) % step);
    return offset >= of_a.rows * of_a.element() &&
           offset + of_b.rows * of_b.element() <= static_cast<std::uint64_t>(step);
}

bool overlap(const void* a, const Layout& of_a, const void* b, const Layout& of_b) {
    if (side_by_side(a, of_a, b, of_b)) return false;
    const auto end = [](const void* data, const Layout& matrix) {
        return static_cast<const std::byte*>(data) +
               (static_cast<std::size_t>(matrix.ld) * (matrix.cols - 1) + matrix.rows) * matrix.element();
    };
    return a < static_cast<const void*>(end(b, of_b)) && b < static_cast<const void*>(end(a, of_a));
}

}  // namespace

namespace lamina_tests::emulator {

const std::vector<LibraryCall>& library_calls() { return calls; }
void forget_library_calls() { calls.clear(); }
void set_arithmetic(bool on) { computes = on; }
void offer(Offer algorithms) { offered = algorithms; }
void refuse_products(std::size_t count) { refusals = count; }
void refuse_descriptors(std::size_t count) { wrong_descriptors = count; }
void price_products(std::function<std::chrono::nanoseconds(const LibraryCall&)> price) { price_of = std::move(price); }
void set_library_version(std::size_t number) { version = number; }

}  // namespace lamina_tests::emulator

extern "C" {

const char* cublasLtGetStatusName(cublasStatus_t status) {
    switch (status) {
        case CUBLAS_STATUS_SUCCESS:
            return "CUBLAS_STATUS_SUCCESS";
        case CUBLAS_STATUS_INVALID_VALUE:
            return "CUBLAS_STATUS_INVALID_VALUE";
        case CUBLAS_STATUS_NOT_SUPPORTED:
            return "CUBLAS_STATUS_NOT_SUPPORTED";
        case CUBLAS_STATUS_EXECUTION_FAILED:
            return "CUBLAS_STATUS_EXECUTION_FAILED";
        default:
            return "CUBLAS_STATUS";
    }
}
const char* cublasLtGetStatusString(cublasStatus_t) { return "emulated error"; }
std::size_t cublasLtGetVersion() { return version; }

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
    *handle = reinterpret_cast<cublasLtHandle_t>(new int(0));
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
    delete reinterpret_cast<int*>(handle);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* made, cudaDataType type, std::uint64_t rows,
                                          std::uint64_t cols, std::int64_t ld) {
    *made = reinterpret_cast<cublasLtMatrixLayout_t>(new Layout{type, rows, cols, ld});
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t object) {
    delete &layout(object);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* made, cublasComputeType_t compute, cudaDataType_t scale) {
    auto* const product = new Attributes;
    product->declare(CUBLASLT_MATMUL_DESC_COMPUTE_TYPE, static_cast<std::int32_t>(compute));
    product->declare(CUBLASLT_MATMUL_DESC_SCALE_TYPE, static_cast<std::int32_t>(scale));
    product->declare(CUBLASLT_MATMUL_DESC_TRANSA, std::int32_t{CUBLAS_OP_N});
    product->declare(CUBLASLT_MATMUL_DESC_TRANSB, std::int32_t{CUBLAS_OP_N});
    product->declare(CUBLASLT_MATMUL_DESC_EPILOGUE, std::uint32_t{CUBLASLT_EPILOGUE_DEFAULT});
    product->declare(CUBLASLT_MATMUL_DESC_BIAS_POINTER, static_cast<const void*>(nullptr));
    product->declare(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, static_cast<const void*>(nullptr));
    product->declare(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, std::int64_t{0});
    *made = reinterpret_cast<cublasLtMatmulDesc_t>(product);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t object) {
    delete &attributes(object);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t object, cublasLtMatmulDescAttributes_t attribute,
                                              const void* value, std::size_t size) {
    return attributes(object).set(attribute, value, size);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* made) {
    auto* const preference = new Attributes;
    preference->declare(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{0});
    preference->declare(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_MASK});
    for (const auto attribute :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
        preference->declare(attribute, std::uint32_t{256});
    }
    *made = reinterpret_cast<cublasLtMatmulPreference_t>(preference);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t object) {
    delete &attributes(object);
    return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t object,
                                                    cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
                                                    std::size_t size) {
    return attributes(object).set(attribute, value, size);
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t product, cublasLtMatrixLayout_t a,
                                              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                                              cublasLtMatrixLayout_t d, cublasLtMatmulPreference_t preference,
                                              int wanted, cublasLtMatmulHeuristicResult_t results[], int* count) {
    *count = 0;
    if (wanted <= 0) return CUBLAS_STATUS_INVALID_VALUE;
    if (wrong_descriptors != 0) {
        --wrong_descriptors;
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    const Call call{attributes(product), layout(a), layout(b), layout(c), layout(d)};
    const cublasStatus_t status = status_of(call);
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    const Attributes& limits = attributes(preference);
    const auto alignment = std::min({limits.get<std::uint32_t>(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES),
                                     limits.get<std::uint32_t>(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES),
                                     limits.get<std::uint32_t>(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES),
                                     limits.get<std::uint32_t>(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES)});
    const auto schemes = limits.get<std::uint32_t>(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);
    for (const Method& method : methods) {
        if (*count == wanted) break;
        if (method.workspace > limits.get<std::uint64_t>(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)) continue;
        if ((method.scheme & ~std::uint64_t{schemes}) != 0) continue;
        if (method.alignment > alignment || !suits(method, call)) continue;
        if (offered == Offer::none || (offered == Offer::aligned && method.alignment < 16)) continue;
        auto& result = results[(*count)++];
        result = {};
        std::memcpy(result.algo.data, &method, sizeof method);
        result.workspaceSize = method.workspace;
        result.state = CUBLAS_STATUS_SUCCESS;
    }
    return *count == 0 ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t* algorithm,
                                                    cublasLtMatmulAlgoConfigAttributes_t attribute, void* value,
                                                    std::size_t size, std::size_t* written) {
    if (attribute != CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME || size != sizeof(std::uint32_t)) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    const auto scheme = static_cast<std::uint32_t>(method_of(*algorithm).scheme);
    std::memcpy(value, &scheme, sizeof scheme);
    *written = sizeof scheme;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t, cublasLtMatmulDesc_t product, cublasLtMatrixLayout_t a,
                                       cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                       const cublasLtMatmulAlgo_t* algorithm, cublasLtMatmulHeuristicResult_t* result) {
    const Call call{attributes(product), layout(a), layout(b), layout(c), layout(d)};
    const cublasStatus_t status = status_of(call);
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    const Method method = method_of(*algorithm);
    if (method.magic != Method{}.magic || !suits(method, call)) return CUBLAS_STATUS_INVALID_VALUE;
    result->workspaceSize = method.workspace;
    result->state = CUBLAS_STATUS_SUCCESS;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t product, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t of_a, const void* b, cublasLtMatrixLayout_t of_b, const void* beta,
                              const void* c, cublasLtMatrixLayout_t of_c, void* d, cublasLtMatrixLayout_t of_d,
                              const cublasLtMatmulAlgo_t* algorithm, void* workspace, std::size_t workspace_bytes,
                              cudaStream_t stream) {
    const Call call{attributes(product), layout(of_a), layout(of_b), layout(of_c), layout(of_d)};
    const cublasStatus_t status = status_of(call);
    if (status != CUBLAS_STATUS_SUCCESS) return status;
    const Method method = method_of(*algorithm);
    if (method.magic != Method{}.magic || !suits(method, call)) return CUBLAS_STATUS_INVALID_VALUE;
    if (method.workspace > workspace_bytes || !multiple(workspace, 256)) return CUBLAS_STATUS_INVALID_VALUE;
    for (const void* const address : {a, b, c, static_cast<const void*>(d)}) {
        if (address == nullptr || !multiple(address, method.alignment)) return CUBLAS_STATUS_INVALID_VALUE;
    }
    if (c == d ? of_c != of_d : overlap(c, call.c, d, call.d)) return CUBLAS_STATUS_INVALID_VALUE;
    if (overlap(a, call.a, d, call.d) || overlap(b, call.b, d, call.d)) return CUBLAS_STATUS_INVALID_VALUE;
    if (refusals > 0) {
        --refusals;
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if (method.workspace > 0) std::memset(workspace, 0xFF, method.workspace);

    const auto scalar = [&](const void* from) { return element_of(from, call.scale_type(), 0); };
    const Work work{.data = {a, b, c, d, scalar(alpha), scalar(beta)},
                    .a = call.a,
                    .b = call.b,
                    .c = call.c,
                    .d = call.d,
                    .k = call.depth(),
                    .chunk = method.chunk,
                    .turn_a = call.transposed(CUBLASLT_MATMUL_DESC_TRANSA),
                    .turn_b = call.transposed(CUBLASLT_MATMUL_DESC_TRANSB),
                    .tf32 = call.compute() == CUBLAS_COMPUTE_32F_FAST_TF32,
                    .epilogue = call.epilogue(),
                    .bias = call.bias(),
                    .aux = call.aux(),
                    .aux_ld = call.aux_ld()};
    calls.push_back({call.d.rows, call.d.cols, work.k, call.a.type, call.b.type, call.d.type, call.compute(),
                     work.epilogue, work.data.beta, a, b, c, d, method.id});
    if (price_of) pass_time(price_of(calls.back()));
    if (!computes) return CUBLAS_STATUS_SUCCESS;
    const cudaError_t queued = enqueue(stream, [work] {
        if (work.d.type == CUDA_R_64F) return work.compute<double>();
        work.compute<float>();
    });
    return queued == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

}  // extern "C"
