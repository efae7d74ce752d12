// SPDX-License-Identifier: MIT
// What conformance does not reach: which kernels a request gets.
#include <lamina/backend/cuda/attention.hpp>

#include <cstddef>
#include <vector>

#include "cuda_emulation/emulator.hpp"
#include "support/catch.hpp"

using namespace lamina;
namespace emulator = lamina_tests::emulator;

namespace {

/// Memory for requests of one shape, and what they cost.
template <class T>
struct Requests {
    Extent extent;
    std::size_t heads;
    std::size_t embed;
    std::vector<T> qkv = std::vector<T>(extent.tokens() * 3 * embed, T(0.5F));
    std::vector<T> out = std::vector<T>(extent.tokens() * embed, T(0.5F));
    std::vector<T> d_qkv = qkv;
    std::vector<ComputeOf<T>> log_sum_exp = std::vector<ComputeOf<T>>(extent.tokens() * heads);
    cuda::Context context{0};

    std::size_t forward_kernels() {
        const std::size_t before = emulator::kernels_run();
        cuda::execute(context,
                      Attention<T>{extent, heads, view(qkv, 3 * embed), view(out, embed), view(log_sum_exp, heads)});
        return emulator::kernels_run() - before;
    }
    std::size_t backward_kernels() {
        const std::size_t before = emulator::kernels_run();
        cuda::execute(context,
                      AttentionBackward<T>{extent, heads, view(qkv, 3 * embed), view(out, embed),
                                           view(log_sum_exp, heads), view(out, embed), view(d_qkv, 3 * embed)});
        return emulator::kernels_run() - before;
    }

private:
    template <class U>
    MatrixView<U> view(std::vector<U>& values, std::size_t cols) {
        return {values.data(), extent.tokens(), cols};
    }
};

}  // namespace

TEST_CASE("attention is one kernel, its backward three, and nothing at all over no tokens", "[cuda][attention]") {
    Requests<float> some{{2, 3}, 2, 6};
    CHECK(some.forward_kernels() == 1);
    CHECK(some.backward_kernels() == 3);
    const std::size_t scratch = some.context.scratch_bytes();
    CHECK(some.backward_kernels() == 3);
    CHECK(some.context.scratch_bytes() == scratch);
    Requests<float> none{{2, 0}, 2, 6};
    CHECK(none.forward_kernels() == 0);
    CHECK(none.backward_kernels() == 0);
    CHECK(none.context.scratch_bytes() == 0);
}

TEST_CASE("flash attention is for bf16 with heads of 64 columns that can be read 16 bytes at a time",
          "[cuda][attention]") {
    alignas(16) static bf16 memory[1024];
    const auto is_for_flash = [](std::size_t heads, std::size_t embed, std::size_t first, std::size_t spare) {
        Attention<bf16> request{};
        request.heads = heads;
        request.qkv = {memory + first, 1, 3 * embed, 3 * embed + spare};
        request.out = {memory + 512, 1, embed};
        return cuda::is_for_flash(request);
    };
    CHECK(is_for_flash(2, 128, 0, 0));
    CHECK(is_for_flash(2, 128, 8, 8));
    CHECK_FALSE(is_for_flash(4, 128, 0, 0));
    CHECK_FALSE(is_for_flash(1, 128, 0, 0));
    CHECK_FALSE(is_for_flash(2, 128, 4, 0));
    CHECK_FALSE(is_for_flash(2, 128, 0, 4));
}

TEST_CASE("what flash attention cannot read in place is attended to all the same", "[cuda][attention]") {
    constexpr std::size_t embed = 64;
    Requests<bf16> aligned{{1, 3}, 1, embed};
    CHECK(aligned.forward_kernels() == 1);
    CHECK(aligned.backward_kernels() == 3);
    Requests<bf16> narrow{{1, 3}, 2, embed};
    CHECK(narrow.forward_kernels() == 1);
    CHECK(narrow.backward_kernels() == 3);
    for (const bf16 x : narrow.out) CHECK(float(x) == 0.5F);  // the mean of equal values
    for (const bf16 x : aligned.out) CHECK(float(x) == 0.5F);
}

TEST_CASE("flash attention's backward writes gradients 16 bytes at a time too", "[cuda][attention]") {
    alignas(16) static bf16 memory[1024];
    AttentionBackward<bf16> request{};
    request.heads = 1;
    request.qkv = {memory, 1, 192};
    request.out = {memory, 1, 64};
    request.d_out = {memory, 1, 64};
    request.d_qkv = {memory, 1, 192};
    CHECK(cuda::is_for_flash(request));
    request.d_qkv.stride = 193;
    CHECK_FALSE(cuda::is_for_flash(request));
    request.d_qkv.stride = 192;
    request.d_out.data = memory + 1;
    CHECK_FALSE(cuda::is_for_flash(request));
}
