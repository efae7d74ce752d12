// SPDX-License-Identifier: MIT
// describe: the model card that the compiler derives from a model's type, for the four sizes and several policy sets.
#include "common/flags.hpp"
#include "common/program.hpp"

#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/run/plan.hpp>
#include <lamina/removal/removable_norm.hpp>

#include <CLI/CLI.hpp>

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace {

/// A card needs no memory and no arithmetic, so these models live on a device that has neither.
struct Paper {
    using answers = lamina::question::Device;
};

struct PaperBackend {
    using Memory = std::string;
    static constexpr std::size_t logits_rows(std::size_t) { return 512; }  // a plan counts their bytes
    static constexpr std::size_t vocabulary_multiple = 1;
};

}  // namespace

template <>
struct lamina::BackendOf<Paper> {
    using type = ::PaperBackend;
};

namespace {

using namespace lamina;

// What the compiler must agree with: parameters, and those of full-rank adapters, of every size.
static_assert(Manifest<Gpt2<gpt2_small, Paper>>::parameters == 124'439'808);
static_assert(Manifest<Gpt2<gpt2_medium, Paper>>::parameters == 354'823'168);
static_assert(Manifest<Gpt2<gpt2_large, Paper>>::parameters == 774'030'080);
static_assert(Manifest<Gpt2<gpt2_xl, Paper>>::parameters == 1'557'611'200);
template <Architecture A>
using Removing = Gpt2<A, Paper, norm::Removable, adapter::FullRank, precision::FrozenBf16>;
static_assert(Manifest<Removing<gpt2_small>>::parameters_of(Role::adapter) == 219'414'528);
static_assert(Manifest<Removing<gpt2_medium>>::parameters_of(Role::adapter) == 780'140'544);
static_assert(Manifest<Removing<gpt2_large>>::parameters_of(Role::adapter) == 1'828'454'400);
static_assert(Manifest<Removing<gpt2_xl>>::parameters_of(Role::adapter) == 3'809'280'000);
static_assert(plan<Removing<gpt2_small>>({.batch = 4, .sequence = 256}).peak_bytes() <= 5_GiB);

/// "12.3 MB" of 12,345,678 with unit 1e6 and name "MB".
std::string quantity(double value, double unit, const char* name) {
    char text[48];
    std::snprintf(text, sizeof text, "%.1f %s", value / unit, name);
    return text;
}
std::string megabytes(std::size_t bytes) { return quantity(static_cast<double>(bytes), 1e6, "MB"); }

void print_row(const char* what, const std::string& value, const std::string& with_recompute = {}) {
    std::printf("    %-28s %16s", what, value.c_str());
    if (!with_recompute.empty()) std::printf(" %16s", with_recompute.c_str());
    std::printf("\n");
}

void print_parameters(Role role, std::size_t count, std::size_t bytes) {
    if (count == 0) return;
    print_row((std::string(name_of(role)) + " parameters").c_str(), std::to_string(count), megabytes(bytes));
}

void print_flops(const char* what, double flops, double with_recompute) {
    if (flops != 0) print_row(what, quantity(flops, 1e6, "MFLOP"), quantity(with_recompute, 1e6, "MFLOP"));
}

void print_costs(const Plan& plan, const Plan& recomputing, Extent extent) {
    const double tokens = static_cast<double>(extent.tokens());
    print_row("", "", "with recompute");
    print_flops("forward, per token", plan.flops.forward / tokens, recomputing.flops.forward / tokens);
    print_flops("backward, per token", plan.flops.backward / tokens, recomputing.flops.backward / tokens);
    print_flops("once per optimiser step", plan.flops.once, recomputing.flops.once);
    const auto print_bytes = [](const char* what, std::size_t bytes, std::size_t with_recompute) {
        if (bytes != 0) print_row(what, megabytes(bytes), megabytes(with_recompute));
    };
    print_bytes("gradients", plan.gradients, recomputing.gradients);
    print_bytes("optimiser moments", plan.moments, recomputing.moments);
    print_bytes("W + AB and its gradient", plan.derived, recomputing.derived);
    const auto per_token = [&](const Plan& of) {
        return quantity(static_cast<double>(of.workspace.total()) / tokens, 1e3, "kB");
    };
    print_row("activations, per token", per_token(plan), per_token(recomputing));
    print_bytes("activations", plan.workspace.total(), recomputing.workspace.total());
    print_bytes("peak", plan.peak_bytes(), recomputing.peak_bytes());
    std::printf("\n");
}

/// One policy set. `Ps` is given without a device and a recompute policy.
template <Architecture A, class... Ps>
void print_card(const char* policies, Extent extent) {
    using Model = Gpt2<A, Paper, Ps...>;
    using Table = Manifest<Model>;
    std::printf("  %s\n", policies);
    const Plan kept = plan<Model>(extent);
    for (const Role role : all_roles) {
        print_parameters(role, Table::parameters_of(role), kept.parameters[index_of(role)]);
    }
    print_row("in all", std::to_string(Table::parameters), megabytes(kept.parameter_bytes()));
    print_row("of which train", std::to_string(Table::trainable_parameters));
    print_row("tensors", std::to_string(Table::entries.size()));
    print_row("contains LayerNorm", contains_layer_norm<Model> ? "yes" : "no");
    print_costs(kept, plan<Gpt2<A, Paper, recompute::PerBlock, Ps...>>(extent), extent);
}

template <Architecture A>
void print_cards(const char* name, Extent extent) {
    std::printf("%s: %zu layers, %zu heads, embed %zu, context %zu, vocab %zu; %zu x %zu tokens\n\n", name, A.layers,
                A.heads, A.embed, A.context, A.vocab, extent.batch, extent.sequence);
    print_card<A>("norm::LayerNorm, adapter::None, precision::Fp32", extent);
    print_card<A, norm::Removable, adapter::FullRank, precision::FrozenBf16>(
        "norm::Removable, adapter::FullRank, execution::Merged, precision::FrozenBf16", extent);
    print_card<A, norm::Removable, adapter::Lora<64>, execution::Factored, precision::FrozenBf16>(
        "norm::Removable, adapter::Lora<64>, execution::Factored, precision::FrozenBf16", extent);
    print_card<A, norm::Absent, head::UntiedWithBias>("folded: norm::Absent, head::UntiedWithBias, precision::Fp32",
                                                      extent);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "Prints what the compiler knows about GPT-2 under several policies, training. A multiply-add is two FLOP.",
        "describe");
    std::string model = "all";
    Extent extent{.batch = 4, .sequence = 256};
    common::add_word(app, "--model", model, "which size", {"all", "gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"});
    common::add_count(app, "--batch", extent.batch, "sequences in a micro-batch", {.least = 1, .most = 1'000'000});
    common::add_count(app, "--sequence", extent.sequence, "tokens per sequence",
                      {.least = 1, .most = gpt2_small.context});
    return common::run_program(app, argc, argv, [&] {
        const auto wanted = [&](std::string_view name) { return model == "all" || model == name; };
        if (wanted("gpt2")) print_cards<gpt2_small>("gpt2", extent);
        if (wanted("gpt2-medium")) print_cards<gpt2_medium>("gpt2-medium", extent);
        if (wanted("gpt2-large")) print_cards<gpt2_large>("gpt2-large", extent);
        if (wanted("gpt2-xl")) print_cards<gpt2_xl>("gpt2-xl", extent);
    });
}
