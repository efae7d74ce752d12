// SPDX-License-Identifier: MIT
// Counts allocations: a training step that has been seen once allocates nothing more, nor does writing token by token.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <span>
#include <vector>

#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/run/key_value_cache.hpp>
#include <lamina/nn/sampling.hpp>
#include <lamina/nn/score.hpp>
#include <lamina/removal/removable_norm.hpp>
#include <lamina/train/adamw.hpp>
#include <lamina/train/clipping.hpp>
#include <lamina/train/guard.hpp>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

namespace {

std::atomic<std::size_t> allocations{0};

void* counted(std::size_t bytes, std::size_t alignment) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    const std::size_t whole = (bytes + alignment - 1) / alignment * alignment;
    if (void* const block = std::aligned_alloc(alignment, whole == 0 ? alignment : whole)) return block;
    throw std::bad_alloc();
}

}  // namespace

// The other forms of operator new call these two. Not inlined: g++ takes `free` after a `new` that it did not inline
// for a mistake.
void* operator new(std::size_t bytes) { return counted(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return counted(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }

using namespace lamina;
using namespace lamina_tests;

namespace {

template <class F>
std::size_t allocations_in(const F& f) {
    const std::size_t before = allocations.load();
    f();
    return allocations.load() - before;
}

}  // namespace

TEMPLATE_TEST_CASE("a step allocates nothing once it has been seen", "[train]",
                   (Gpt2<tiny, norm::Removable, adapter::FullRank, recompute::PerBlock>),
                   (Gpt2<tiny, norm::Removable, adapter::Lora<2, 6>, gradients::Streamed>),
                   (Gpt2<tiny, precision::FrozenBf16, adapter::Lora<2>, execution::Factored>)) {
    Cpu backend;
    TestType model(backend);
    set_parameters(model, 1);
    set_progress(model, Progress::mixed);
    const SampleBatch batch;
    train::AdamW<TestType> optimiser(model);
    bool finite = true;
    const auto step = [&] {
        model.zero_gradients();
        model.forward_backward(batch, {.share = 0.5});
        model.forward_backward(batch, {.share = 0.5});
        optimiser.step(model, 1e-3, train::clip_scale(train::gradient_norm(model), 1.0));
        finite = finite && !train::first_non_finite_parameter(model);
        static_cast<void>(model.evaluate(batch));
    };
    step();
    CHECK(finite);
    CHECK(allocations_in([] { ::operator delete(::operator new(1)); }) == 1);
    CHECK(allocations_in(step) == 0);
}

TEST_CASE("after a prompt and a token, further tokens are written without an allocation", "[train]") {
    using M = Gpt2<tiny, norm::Removable, adapter::FullRank, recompute::PerBlock>;
    Cpu backend;
    M model(backend);
    set_parameters(model, 1);
    set_progress(model, Progress::mixed);
    KeyValueCache<M> cache(backend, tiny.context);
    Sampler sampler({.temperature = 0.8, .top_k = 5, .top_p = 0.9}, 1);
    std::vector<M::Compute> out(tiny.vocab);
    std::array<Token, tiny.context + 1> text{4, 1};
    std::size_t seen = 0;
    const auto write = [&](std::size_t count) {
        const std::array<Segment, 1> segment{{{std::span(text).subspan(seen, count), {0, seen}, seen}}};
        const std::array<std::size_t, 1> last{count - 1};
        logits(model, cache, segment, last, std::span(out));
        seen += count;
        text[seen] = sampler(std::span<const M::Compute>(out));
    };
    write(2);
    write(1);
    CHECK(allocations_in([&] {
              while (seen < tiny.context) write(1);
          }) == 0);
}
