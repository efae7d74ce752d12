// SPDX-License-Identifier: MIT
#include <lamina/nn/layer_state.hpp>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/removal/removable_norm.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using namespace lamina;

namespace {

struct Counter {
    std::size_t count = 0;
    template <class Visitor>
    constexpr void visit(Visitor&&) {}
    template <class Visitor>
    constexpr void visit_state(Visitor&& visitor) {
        visitor("count", count, any_value);
    }
};
static_assert(HasState<Counter>);
static_assert(HasState<NormFor<Policies<norm::Removable>, 8>> && !HasState<NormFor<Policies<>, 8>>);

static_assert(any_value.accepts(-1) && any_value.words.empty());
static_assert(above_zero.accepts(1e-300) && !above_zero.accepts(0));
static_assert(from_zero_to_one.accepts(0) && from_zero_to_one.accepts(1) && !from_zero_to_one.accepts(1.5));

}  // namespace

TEST_CASE("layers with a state are visited in the order of the walk") {
    constexpr Architecture tiny{.layers = 2, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
    CpuBackend backend({.threads = 1});
    Gpt2<tiny, norm::Removable, trainable::Nothing> model(backend);
    std::vector<std::string> names;
    for_each_state(model.layers(), [&](const std::string& path, auto&) { names.push_back(path); });
    CHECK(names == std::vector<std::string>{"h.0.ln_1", "h.0.ln_2", "h.1.ln_1", "h.1.ln_2", "ln_f"});
    Gpt2<tiny, trainable::Nothing> plain(backend);
    for_each_state(plain.layers(), [](const std::string& path, auto&) { FAIL(path); });
}

TEST_CASE("a copy of states is that of every field, and sets those of other layers") {
    constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
    CpuBackend backend({.threads = 1});
    Gpt2<tiny, norm::Removable, trainable::Nothing> from(backend);
    Gpt2<tiny, norm::Removable, adapter::FullRank, trainable::Nothing> to(backend);
    from.layers().final_norm.divide_by(3);
    from.layers().final_norm.state.average = 7;
    const std::vector<std::byte> copy = copy_of_states(from.layers());
    set_states(to.layers(), copy);
    CHECK(to.layers().final_norm.constant() == 3);
    CHECK(to.layers().final_norm.state.average == 7);
    CHECK(to.layers().final_norm.divides_by_constant());
    CHECK(copy_of_states(to.layers()) == copy);
}
