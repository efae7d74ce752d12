// SPDX-License-Identifier: MIT
#include <lamina/backend/cuda/matmul.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include <lamina/arch/architecture.hpp>
#include <lamina/core/activation.hpp>
#include <lamina/core/bfloat16.hpp>

#include "backend/cuda/device_matrix.hpp"
#include "backend/cuda/priced_products.hpp"
#include "cuda_emulation/cublaslt.hpp"
#include "cuda_emulation/emulator.hpp"
#include "cuda_emulation/runtime.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina::cuda;
using lamina_tests::DeviceMatrix;
namespace emulator = lamina_tests::emulator;

namespace {

struct Gpu : Device {
    Gpu() : Device(0, FloatProducts::fp32, Choice::first) {}
};

struct How {
    Transpose lhs_as = Transpose::no;
    Transpose rhs_as = Transpose::no;
    Write write = Write::overwrite;
};

template <class Out, class Lhs, class Rhs>
void matmul(Device& device, const DeviceMatrix<Out>& out, const DeviceMatrix<Lhs>& lhs, const DeviceMatrix<Rhs>& rhs,
            const How& how = {}) {
    execute(device, Matmul<Out, Lhs, Rhs>{.out = out.view(),
                                          .lhs = lhs.input(),
                                          .rhs = rhs.input(),
                                          .lhs_as = how.lhs_as,
                                          .rhs_as = how.rhs_as,
                                          .write = how.write});
}

/// Products are checked and counted, not computed: they have GPT-2's real sizes.
class CountedProducts {
public:
    CountedProducts() { emulator::set_arithmetic(false); }
    CountedProducts(const CountedProducts&) = delete;
    CountedProducts& operator=(const CountedProducts&) = delete;
    ~CountedProducts() { emulator::set_arithmetic(true); }

    /// What the library is asked for, and how many kernels run beside it.
    struct Seen {
        std::vector<emulator::LibraryCall> calls;
        std::size_t kernels;
    };
    static Seen of(const auto& work) {
        emulator::forget_library_calls();
        const std::size_t before = emulator::kernels_run();
        work();
        return {emulator::library_calls(), emulator::kernels_run() - before};
    }
};

/// One call on the caller's own memory, and nothing else.
void check_direct(const CountedProducts::Seen& seen, const void* out, const void* lhs, const void* rhs,
                  const void* base, cublasLtEpilogue_t epilogue) {
    CHECK(seen.kernels == 0);
    REQUIRE(seen.calls.size() == 1);
    CHECK(seen.calls[0].d == out);
    CHECK(seen.calls[0].b == lhs);
    CHECK(seen.calls[0].a == rhs);
    CHECK(seen.calls[0].beta == (base == nullptr ? 0 : 1));
    CHECK(seen.calls[0].c == (base == nullptr ? out : base));
    CHECK(seen.calls[0].epilogue == epilogue);
}

struct Features {
    std::size_t in, out;
};
std::array<Features, 4> linears(std::size_t embed) {
    return {{{embed, 3 * embed}, {embed, embed}, {embed, 4 * embed}, {4 * embed, embed}}};
}

constexpr std::size_t tokens = 24;

}  // namespace

TEST_CASE("GPT-2's linear layers take the direct path", "[cuda][matmul]") {
    const CountedProducts counted;
    Gpu gpu;
    for (const Architecture& size : {gpt2_small, gpt2_medium, gpt2_large, gpt2_xl}) {
        for (const auto [in, out] : linears(size.embed)) {
            CAPTURE(in, out);
            const DeviceMatrix<bf16> x(tokens, in), weight(in, out), y(tokens, out), pre(tokens, out), d_x(tokens, in);
            const DeviceMatrix<bf16> addend(tokens, out);
            const DeviceMatrix<float> stream(tokens, out), next(tokens, out), d_weight(in, out);
            const DeviceMatrix<bf16> bias(1, out);
            const DeviceMatrix<float> float_bias(1, out);

            AffineProduct<bf16, bf16, bf16, bf16> forward{
                .out = y.view(), .lhs = x.input(), .rhs = weight.input(), .bias = bias.input()};
            const auto run_forward = [&] { execute(gpu, forward); };
            check_direct(counted.of(run_forward), y.data(), x.data(), weight.data(), nullptr, CUBLASLT_EPILOGUE_BIAS);
            forward.base = addend.input();
            check_direct(counted.of(run_forward), y.data(), x.data(), weight.data(), addend.data(),
                         CUBLASLT_EPILOGUE_BIAS);
            forward.pre_activation = pre.view();
            check_direct(counted.of(run_forward), y.data(), x.data(), weight.data(), addend.data(),
                         CUBLASLT_EPILOGUE_GELU_AUX_BIAS);
            forward.base = {};
            check_direct(counted.of(run_forward), y.data(), x.data(), weight.data(), nullptr,
                         CUBLASLT_EPILOGUE_GELU_AUX_BIAS);

            AffineProduct<float, bf16, bf16, float> into_stream{.out = next.view(),
                                                                .lhs = x.input(),
                                                                .rhs = weight.input(),
                                                                .bias = float_bias.input(),
                                                                .base = stream.input()};
            const auto run_into_stream = [&] { execute(gpu, into_stream); };
            check_direct(counted.of(run_into_stream), next.data(), x.data(), weight.data(), stream.data(),
                         CUBLASLT_EPILOGUE_BIAS);
            into_stream.base = next.input();
            check_direct(counted.of(run_into_stream), next.data(), x.data(), weight.data(), next.data(),
                         CUBLASLT_EPILOGUE_BIAS);

            const auto backward = [&](Write write) {
                return [&, write] { matmul(gpu, d_x, y, weight, {.rhs_as = Transpose::yes, .write = write}); };
            };
            check_direct(counted.of(backward(Write::overwrite)), d_x.data(), y.data(), weight.data(), nullptr,
                         CUBLASLT_EPILOGUE_DEFAULT);
            check_direct(counted.of(backward(Write::accumulate)), d_x.data(), y.data(), weight.data(), d_x.data(),
                         CUBLASLT_EPILOGUE_DEFAULT);
            const DeviceMatrix<bf16> went_in(tokens, in);
            const auto gelu_backward = [&](Write write) {
                return [&, write] {
                    execute(gpu, GeluBackwardProduct<bf16, bf16, bf16>{.out = d_x.view(),
                                                                       .lhs = y.input(),
                                                                       .rhs = weight.input(),
                                                                       .pre_activation = went_in.input(),
                                                                       .write = write});
                };
            };
            check_direct(counted.of(gelu_backward(Write::overwrite)), d_x.data(), y.data(), weight.data(), nullptr,
                         CUBLASLT_EPILOGUE_DGELU);
            check_direct(counted.of(gelu_backward(Write::accumulate)), d_x.data(), y.data(), weight.data(), d_x.data(),
                         CUBLASLT_EPILOGUE_DGELU);

            const auto weight_gradient = [&] {
                matmul(gpu, d_weight, x, y, {.lhs_as = Transpose::yes, .write = Write::accumulate});
            };
            check_direct(counted.of(weight_gradient), d_weight.data(), x.data(), y.data(), d_weight.data(),
                         CUBLASLT_EPILOGUE_DEFAULT);
        }
    }
    // Neither operands nor results were copied anywhere.
    CHECK(gpu.scratch_bytes() == library_workspace_bytes);
}

TEST_CASE("a bf16 bias into a float stream costs a row, nothing more", "[cuda][matmul]") {
    const CountedProducts counted;
    Gpu gpu;
    const DeviceMatrix<bf16> x(tokens, 768), weight(768, 768), bias(1, 768);
    const DeviceMatrix<float> stream(tokens, 768);
    const auto seen = counted.of([&] {
        execute(gpu, AffineProduct<float, bf16, bf16, bf16>{.out = stream.view(),
                                                            .lhs = x.input(),
                                                            .rhs = weight.input(),
                                                            .bias = bias.input(),
                                                            .base = stream.input()});
    });
    CHECK(seen.kernels == 1);
    REQUIRE(seen.calls.size() == 1);
    CHECK(seen.calls[0].epilogue == CUBLASLT_EPILOGUE_BIAS);
    CHECK(seen.calls[0].d == stream.data());
    CHECK(gpu.scratch_bytes() == library_workspace_bytes + 768 * sizeof(float));
}

TEST_CASE("logits and their gradient take the direct path, if rows of the gradient are aligned", "[cuda][matmul]") {
    const CountedProducts counted;
    Gpu gpu;
    for (const Architecture& size : {gpt2_small, gpt2_medium, gpt2_large, gpt2_xl}) {
        const std::size_t embed = size.embed;
        const std::size_t vocab = size.vocab;
        const std::size_t padded = (vocab + 7) / 8 * 8;
        const DeviceMatrix<bf16> hidden(tokens, embed), table(vocab, embed), d_hidden(tokens, embed);
        for (const std::size_t stride : {vocab, padded}) {
            CAPTURE(embed, stride);
            const DeviceMatrix<float> logits(tokens, vocab, stride);
            const DeviceMatrix<bf16> d_logits(tokens, vocab, stride);
            check_direct(counted.of([&] { matmul(gpu, logits, hidden, table, {.rhs_as = Transpose::yes}); }),
                         logits.data(), hidden.data(), table.data(), nullptr, CUBLASLT_EPILOGUE_DEFAULT);
            const auto seen = counted.of([&] { matmul(gpu, d_hidden, d_logits, table); });
            if (stride == padded) {
                check_direct(seen, d_hidden.data(), d_logits.data(), table.data(), nullptr, CUBLASLT_EPILOGUE_DEFAULT);
            } else {
                CHECK(seen.kernels == 1);  // copies d_logits to rows that are aligned
                REQUIRE(seen.calls.size() == 1);
                CHECK(seen.calls[0].d == d_hidden.data());
            }
        }
    }
}

TEST_CASE("products of adapters in float take the direct path, or that of their parts", "[cuda][matmul]") {
    const CountedProducts counted;
    Gpu gpu;
    for (const Architecture& size : {gpt2_small, gpt2_medium, gpt2_large, gpt2_xl}) {
        for (const auto [in, out] : linears(size.embed)) {
            CAPTURE(in, out);
            const DeviceMatrix<float> a(in, in), b(in, out), sum(in, out), d_a(in, in);
            const auto forward = [&] { matmul(gpu, sum, a, b); };
            const auto backward_a = [&] { matmul(gpu, d_a, sum, b, {.rhs_as = Transpose::yes}); };
            const auto backward_b = [&] {
                matmul(gpu, b, a, sum, {.lhs_as = Transpose::yes, .write = Write::accumulate});
            };
            for (const FloatProducts direct : {FloatProducts::fp32, FloatProducts::tf32}) {
                gpu.blas.set_float_products(direct);
                const auto seen = counted.of(forward);
                check_direct(seen, sum.data(), a.data(), b.data(), nullptr, CUBLASLT_EPILOGUE_DEFAULT);
                CHECK(seen.calls[0].compute ==
                      (direct == FloatProducts::fp32 ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_32F_FAST_TF32));
                check_direct(counted.of(backward_a), d_a.data(), sum.data(), b.data(), nullptr,
                             CUBLASLT_EPILOGUE_DEFAULT);
                check_direct(counted.of(backward_b), b.data(), a.data(), sum.data(), b.data(),
                             CUBLASLT_EPILOGUE_DEFAULT);
            }
            if (size.embed != gpt2_small.embed) continue;  // taking operands apart is the same for all, and slow here
            gpu.blas.set_float_products(FloatProducts::bf16x3);
            const auto three = counted.of(forward);
            CHECK(three.calls.size() == 3);
            gpu.blas.set_float_products(FloatProducts::bf16x6);
            const auto six = counted.of(backward_b);
            CHECK(six.calls.size() == 6);
            CHECK(six.kernels == 2);  // one for each operand's parts
            for (const auto& call : six.calls) {
                CHECK(call.a_type == CUDA_R_16BF);
                CHECK(call.d == b.data());
                CHECK(call.beta == 1);
            }
            CHECK(three.calls[0].beta == 0);
        }
    }
}

namespace {

/// The largest error of out = lhs · rhs, relative to the sum of the terms' magnitudes.
template <class Lhs, class Rhs>
double error_of(FloatProducts products) {
    Device device(0, products, Choice::first);
    const auto lhs = DeviceMatrix<Lhs>(30, 100).randomised(1);
    const auto rhs = DeviceMatrix<Rhs>(100, 30).randomised(2);
    const DeviceMatrix<float> out(30, 30);
    matmul(device, out, lhs, rhs);
    double worst = 0;
    for (std::size_t row = 0; row < 30; ++row) {
        for (std::size_t col = 0; col < 30; ++col) {
            double sum = 0;
            double magnitude = 0;
            for (std::size_t k = 0; k < 100; ++k) {
                const double term = double(lhs.view()(row, k)) * double(rhs.view()(k, col));
                sum += term;
                magnitude += std::abs(term);
            }
            worst = std::max(worst, std::abs(double(out.view()(row, col)) - sum) / magnitude);
        }
    }
    return worst;
}

/// Of sums of 100 terms in float, with an addition to the whole for each part: a random walk of roundoffs.
constexpr double sums_in_float = 8 * 0x1p-24 * 10;

}  // namespace

TEST_CASE("each way to multiply floats is as exact as it says, and no more", "[cuda][matmul]") {
    CHECK(error_of<float, float>(FloatProducts::fp32) <= sums_in_float);
    // Left out are the products of the third part with anything but the first, 2^-24 of the operands each.
    CHECK(error_of<float, float>(FloatProducts::bf16x6) <= 4 * 0x1p-24 + sums_in_float);
    // Left out are third parts, and the product of the second ones: 2^-16 each.
    CHECK(error_of<float, float>(FloatProducts::bf16x3) <= 3 * 0x1p-16 + sums_in_float);
    // What is left out shows beside what the sums lose anyway.
    CHECK(error_of<float, float>(FloatProducts::bf16x3) > 4 * error_of<float, float>(FloatProducts::fp32));
    // Both operands are rounded to 11 bits.
    CHECK(error_of<float, float>(FloatProducts::tf32) <= 2 * 0x1p-11 + sums_in_float);
    CHECK(error_of<float, float>(FloatProducts::tf32) > 4 * error_of<float, float>(FloatProducts::bf16x3));
    // A bf16 operand has no parts to leave out.
    CHECK(error_of<float, bf16>(FloatProducts::bf16x6) <= sums_in_float);
    CHECK(error_of<bf16, float>(FloatProducts::bf16x3) <= 0x1p-16 + sums_in_float);
}

TEST_CASE("any mixture of types multiplies", "[cuda][matmul]") {
    Gpu gpu;
    const auto verify = [&]<class Out, class Lhs, class Rhs>(Out, Lhs, Rhs) {
        for (const FloatProducts products :
             {FloatProducts::fp32, FloatProducts::bf16x6, FloatProducts::bf16x3, FloatProducts::tf32}) {
            gpu.blas.set_float_products(products);
            // Small whole numbers: no rounding anywhere, in any type.
            const auto small = [](std::size_t row, std::size_t col) { return double((7 * row + 3 * col) % 5) - 2; };
            const auto lhs = DeviceMatrix<Lhs>(5, 6, 9, 1).filled(small);
            const auto rhs = DeviceMatrix<Rhs>(7, 6, 7, 3).filled(small);
            const auto out = DeviceMatrix<Out>(5, 7, 11, 1).filled(small);
            matmul(gpu, out, lhs, rhs, {.rhs_as = Transpose::yes, .write = Write::accumulate});
            for (std::size_t row = 0; row < 5; ++row) {
                for (std::size_t col = 0; col < 7; ++col) {
                    double expected = small(row, col);
                    for (std::size_t k = 0; k < 6; ++k) expected += small(row, k) * small(col, k);
                    CHECK(double(out.view()(row, col)) == expected);
                }
            }
        }
    };
    const auto with_every_operand = [&](auto out) {
        const auto with_rhs = [&](auto lhs) {
            verify(out, lhs, bf16());
            verify(out, lhs, 0.0F);
            verify(out, lhs, 0.0);
        };
        with_rhs(bf16());
        with_rhs(0.0F);
        with_rhs(0.0);
    };
    with_every_operand(bf16());
    with_every_operand(0.0F);
    with_every_operand(0.0);
}

TEST_CASE("an empty sum becomes zero or changes nothing", "[cuda][matmul]") {
    const DeviceMatrix<bf16> lhs(3, 0, 8), rhs(0, 5);
    const auto out = DeviceMatrix<bf16>(3, 5).filled([](std::size_t row, std::size_t col) { return row + col; });
    const auto before = out.values();
    Gpu gpu;
    matmul(gpu, out, lhs, rhs, {.write = Write::accumulate});
    CHECK(out.values() == before);
    matmul(gpu, out, lhs, rhs);
    CHECK(out.values() == std::vector<double>(15, 0.0));
}

TEST_CASE("a product that cannot be made says which", "[cuda][matmul]") {
    Gpu gpu;
    const auto lhs = DeviceMatrix<bf16>(4, 8).randomised(1);
    const auto rhs = DeviceMatrix<bf16>(8, 16).randomised(2);
    const DeviceMatrix<bf16> out(4, 16);
    const auto multiply = [&] {
        execute(gpu, AffineProduct<bf16, bf16, bf16, bf16>{.out = out.view(), .lhs = lhs.input(), .rhs = rhs.input()});
    };
    emulator::offer(emulator::Offer::none);
    CHECK_THROWS_WITH(multiply(),
                      "lamina: CudaBackend: AffineProduct: out [4, 16] bf16 = lhs [4, 8] bf16 · rhs [8, 16] bf16 in "
                      "float, epilogue 1: cuBLASLt has no algorithm for it");
    emulator::offer(emulator::Offer::all);

    Gpu other;
    execute(other, AffineProduct<bf16, bf16, bf16, bf16>{.out = out.view(), .lhs = lhs.input(), .rhs = rhs.input()});
    emulator::fail_call(1);
    CHECK_THROWS_WITH(
        execute(other,
                AffineProduct<bf16, bf16, bf16, bf16>{.out = out.view(), .lhs = lhs.input(), .rhs = rhs.input()}),
        Catch::Contains("AffineProduct: out [4, 16] bf16") && Catch::Contains("EXECUTION_FAILED"));
    static_cast<void>(cudaGetLastError());
}

TEST_CASE("a product that does not run in one way is made in the next, and counted there", "[cuda][matmul]") {
    Gpu gpu;
    const auto small = [](std::size_t row, std::size_t col) { return double((7 * row + 3 * col) % 5) - 2; };
    const auto lhs = DeviceMatrix<bf16>(4, 8).filled(small);
    const auto rhs = DeviceMatrix<bf16>(8, 16).filled(small);
    const auto multiplied = [&](std::size_t refusals) {
        const DeviceMatrix<bf16> out(4, 16);
        emulator::refuse_products(refusals);
        matmul(gpu, out, lhs, rhs);
        return out.values();
    };
    const auto expected = multiplied(0);
    CHECK(gpu.blas.counts() == WayCounts{.direct = 1});
    CHECK(multiplied(1) == expected);
    CHECK(gpu.blas.counts() == WayCounts{.direct = 1, .finished = 1});
    CHECK(multiplied(0) == expected);  // the direct way is not tried again
    CHECK(gpu.blas.counts() == WayCounts{.direct = 1, .finished = 2});
}

namespace {

/// One product with an epilogue as GPT-2 has it, on memory of its own, by a device of its own.
class WithEpilogue {
public:
    explicit WithEpilogue(Choice choice) : device_(0, FloatProducts::fp32, choice) {}

    /// gelu(x·W + b), added to what `out` had if `in_place`, keeping what went in.
    void forward(bool in_place) {
        AffineProduct<bf16, bf16, bf16, bf16> request{.out = out.view(),
                                                      .lhs = lhs.input(),
                                                      .rhs = rhs.input(),
                                                      .bias = bias.input(),
                                                      .pre_activation = aux.view()};
        if (in_place) request.base = out.input();
        execute(device_, request);
    }
    void backward(Write write) {
        execute(device_, GeluBackwardProduct<bf16, bf16, bf16>{.out = out.view(),
                                                               .lhs = lhs.input(),
                                                               .rhs = turned.input(),
                                                               .pre_activation = aux.input(),
                                                               .write = write});
    }
    void into_stream(bool in_place) {
        execute(device_, AffineProduct<float, bf16, bf16, bf16>{.out = stream.view(),
                                                                .lhs = lhs.input(),
                                                                .rhs = rhs.input(),
                                                                .bias = bias.input(),
                                                                .base = in_place ? stream.input() : base.input()});
    }
    [[nodiscard]] std::vector<std::vector<double>> values() const {
        return {out.values(), aux.values(), stream.values()};
    }
    [[nodiscard]] Blas& blas() { return device_.blas; }
    [[nodiscard]] std::size_t scratch_bytes() const { return device_.scratch_bytes(); }

    DeviceMatrix<bf16> lhs = DeviceMatrix<bf16>(24, 64).randomised(1);
    DeviceMatrix<bf16> rhs = DeviceMatrix<bf16>(64, 40).randomised(2);
    DeviceMatrix<bf16> turned = DeviceMatrix<bf16>(40, 64).randomised(3);
    DeviceMatrix<bf16> bias = DeviceMatrix<bf16>(1, 40).randomised(4);
    DeviceMatrix<bf16> out = DeviceMatrix<bf16>(24, 40).randomised(5);
    DeviceMatrix<bf16> aux = DeviceMatrix<bf16>(24, 40).randomised(6);
    DeviceMatrix<float> stream = DeviceMatrix<float>(24, 40).randomised(7);
    DeviceMatrix<float> base = DeviceMatrix<float>(24, 40).randomised(8);

private:
    Device device_;
};

using Epilogue = void (*)(WithEpilogue&);
constexpr std::array<Epilogue, 6> epilogues{
    [](WithEpilogue& product) { product.forward(false); },
    [](WithEpilogue& product) { product.forward(true); },
    [](WithEpilogue& product) { product.backward(Write::overwrite); },
    [](WithEpilogue& product) { product.backward(Write::accumulate); },
    [](WithEpilogue& product) { product.into_stream(false); },
    [](WithEpilogue& product) { product.into_stream(true); },
};

auto slow_with_epilogues(bool slow) {
    return [slow](const emulator::LibraryCall& call) {
        return std::chrono::milliseconds(slow == (call.epilogue != CUBLASLT_EPILOGUE_DEFAULT) ? 200 : 0);
    };
}

/// Each is rounded to bf16 once, the gelu of what is rounded already where it is taken apart: two units of 2^-8.
void check_alike(const WithEpilogue& one, const WithEpilogue& other) {
    for (std::size_t matrix = 0; matrix < one.values().size(); ++matrix) {
        const auto a = one.values()[matrix];
        const auto b = other.values()[matrix];
        for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).epsilon(0x1p-7).margin(0x1p-9));
    }
}

}  // namespace

TEST_CASE("an epilogue that takes the library longer than a kernel of ours is left out of the call", "[cuda][matmul]") {
    for (const Epilogue& make : epilogues) {
        CAPTURE(&make - epilogues.data());
        WithEpilogue plain(Choice::first);
        make(plain);
        CHECK(plain.blas().counts() == WayCounts{.direct = 1});
        std::string table;
        std::vector<std::vector<double>> values;
        {
            const lamina_tests::PricedProducts prices(slow_with_epilogues(true));
            WithEpilogue timed(Choice::timed);
            make(timed);
            CHECK(timed.blas().counts() == WayCounts{.finished = 1});
            CHECK(emulator::library_calls().back().epilogue == CUBLASLT_EPILOGUE_DEFAULT);
            check_alike(timed, plain);  // what timing wrote, and read, is not in the result
            table = timed.blas().exported_algorithms();
            values = timed.values();
        }
        const lamina_tests::PricedProducts prices(slow_with_epilogues(false));
        WithEpilogue direct(Choice::timed);
        make(direct);
        CHECK(direct.blas().counts() == WayCounts{.direct = 1});
        check_alike(direct, plain);
        WithEpilogue resumed(Choice::timed);
        resumed.blas().import_algorithms(table);
        emulator::forget_library_calls();
        make(resumed);
        CHECK(emulator::library_calls().size() == 1);
        CHECK(resumed.blas().counts() == WayCounts{.finished = 1});
        CHECK(resumed.values() == values);  // to the last bit
    }
}

TEST_CASE("the way of a product is timed once, and the memory for that is given back", "[cuda][matmul]") {
    const lamina_tests::PricedProducts prices(slow_with_epilogues(false));
    WithEpilogue product(Choice::timed);
    const std::size_t before = emulator::bytes_in_use();
    product.forward(true);
    CHECK(emulator::bytes_in_use() - before == library_workspace_bytes);
    CHECK(product.scratch_bytes() == library_workspace_bytes);
    emulator::forget_library_calls();
    product.forward(true);
    CHECK(emulator::library_calls().size() == 1);
}

TEST_CASE("a way is not timed where nothing is, nor where it cannot be chosen", "[cuda][matmul]") {
    const lamina_tests::PricedProducts prices(slow_with_epilogues(true));
    WithEpilogue settled(Choice::timed);
    settled.blas().settle();
    settled.forward(false);
    CHECK(settled.blas().counts() == WayCounts{.direct = 1});

    WithEpilogue without_memory(Choice::timed);
    without_memory.forward(false);  // for the workspace
    emulator::set_memory_limit(emulator::bytes_in_use() + 100);
    without_memory.backward(Write::accumulate);
    emulator::set_memory_limit(std::size_t{8} << 30U);
    static_cast<void>(cudaGetLastError());
    CHECK(without_memory.blas().counts() == WayCounts{.direct = 1, .finished = 1});

    // Operands that are copied first: the product on the caller's memory is none of the library's.
    Device device(0, FloatProducts::fp32, Choice::timed);
    const auto lhs = DeviceMatrix<bf16>(24, 60, 61).randomised(1);
    const auto rhs = DeviceMatrix<bf16>(60, 40).randomised(2);
    const auto bias = DeviceMatrix<bf16>(1, 40).randomised(3);
    const DeviceMatrix<bf16> out(24, 40);
    for (const bool again : {false, true}) {
        emulator::forget_library_calls();
        execute(device, AffineProduct<bf16, bf16, bf16, bf16>{
                            .out = out.view(), .lhs = lhs.input(), .rhs = rhs.input(), .bias = bias.input()});
        if (again) CHECK(emulator::library_calls().size() == 1);
    }
    CHECK(device.blas.counts() == WayCounts{.direct = 2});
}

TEST_CASE("scratch that does not fit says how much it is", "[cuda][matmul]") {
    Gpu gpu;
    const DeviceMatrix<float> lhs(100, 1000);
    const DeviceMatrix<bf16> rhs(1000, 10);
    const DeviceMatrix<float> out(100, 10);
    emulator::set_memory_limit(emulator::bytes_in_use() + 1000);
    CHECK_THROWS_WITH(
        matmul(gpu, out, lhs, rhs),
        Catch::Contains("allocating " + std::to_string(1000 * 16 * sizeof(float)) + " bytes, with 1000 of "));
    emulator::set_memory_limit(std::size_t{8} << 30U);
    CHECK_NOTHROW(matmul(gpu, out, lhs, rhs));
}
