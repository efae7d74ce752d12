// SPDX-License-Identifier: MIT
#include <lamina/nn/gpt2.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <lamina/backend/cpu/device.hpp>
#include <lamina/removal/removable_norm.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

constexpr Architecture tiny{.layers = 2, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

template <Architecture A>
constexpr std::size_t tensors = Manifest<Gpt2<A>>::entries.size();
template <Architecture A, class Adapter>
constexpr std::size_t adapter_parameters = Manifest<Gpt2<A, Adapter>>::parameters_of(Role::adapter);

struct Listed {
    std::string name;
    std::vector<std::size_t> shape;
    friend bool operator==(const Listed&, const Listed&) = default;
};

template <class Model>
std::vector<Listed> listed() {
    std::vector<Listed> all;
    for (const TensorEntry& entry : Manifest<Model>::entries) {
        Listed row{entry.name(), {entry.shape[0]}};
        if (entry.rank == 2) row.shape.push_back(entry.shape[1]);
        all.push_back(std::move(row));
    }
    return all;
}

/// The tensors of a published checkpoint, docs/gpt2.md, "Tensors".
std::vector<Listed> published(const Architecture& a) {
    const std::size_t d = a.embed;
    std::vector<Listed> all{{"wte.weight", {a.vocab, d}}, {"wpe.weight", {a.context, d}}};
    for (std::size_t i = 0; i < a.layers; ++i) {
        const std::string h = "h." + std::to_string(i) + '.';
        const std::vector<Listed> block{{"ln_1.weight", {d}},
                                        {"ln_1.bias", {d}},
                                        {"attn.c_attn.weight", {d, 3 * d}},
                                        {"attn.c_attn.bias", {3 * d}},
                                        {"attn.c_proj.weight", {d, d}},
                                        {"attn.c_proj.bias", {d}},
                                        {"ln_2.weight", {d}},
                                        {"ln_2.bias", {d}},
                                        {"mlp.c_fc.weight", {d, 4 * d}},
                                        {"mlp.c_fc.bias", {4 * d}},
                                        {"mlp.c_proj.weight", {4 * d, d}},
                                        {"mlp.c_proj.bias", {d}}};
        for (const Listed& row : block) all.push_back({h + row.name, row.shape});
    }
    all.push_back({"ln_f.weight", {d}});
    all.push_back({"ln_f.bias", {d}});
    return all;
}

template <class... Ps>
using Tiny = Gpt2<tiny, Ps...>;
template <class... Ps>
constexpr bool has_layer_norm = contains_layer_norm<Tiny<Ps...>>;

// Other architectures, from public parts.
using P = Policies<>;
using SideBySide =
    Decoder<tiny, P,
            Residual<PreNorm<RmsNorm<8, P>, Parallel<Named<"attn", CausalSelfAttention<8, 2, P>>, Mlp<8, 32, P>>>>,
            RmsNorm<8, P>>;
// What a decoder can be made of, and near misses.
template <class L>
constexpr bool is_part = DecoderBlock<L, DimensionsOf<tiny>, P>;
static_assert(is_part<Gpt2Block<tiny, P>> && is_part<LayerNorm<8, P>>);
static_assert(!is_part<LayerNorm<16, P>> && !is_part<Linear<8, 16, P>> && !is_part<Linear<16, 8, P>>);
static_assert(!is_part<LayerNorm<8, Policies<precision::Fp64>>>);
static_assert(!is_part<int>);
using WithOneLayerNorm = Decoder<tiny, P, Gpt2Block<tiny, Policies<norm::Absent>>, LayerNorm<8, P>>;

// What diagnostics call a model: its numbers, and what was said of it, once.
static_assert(std::is_same_v<Tiny<adapter::Lora<4>>, Transformer<spec::Gpt2<DimensionsOf<tiny>, adapter::Lora<4>>>>);
static_assert(std::is_same_v<Tiny<trainable::Everything, head::Tied>, Transformer<spec::Gpt2<DimensionsOf<tiny>>>>);
static_assert(
    std::is_same_v<WithOneLayerNorm,
                   Transformer<spec::Decoder<DimensionsOf<tiny>, P, WithOneLayerNorm::Block, LayerNorm<8, P>>>>);

}  // namespace

TEST_CASE("the four sizes have the published numbers of parameters", "[nn]") {
    STATIC_REQUIRE(Manifest<Gpt2<gpt2_small>>::parameters == 124'439'808);
    STATIC_REQUIRE(Manifest<Gpt2<gpt2_medium>>::parameters == 354'823'168);
    STATIC_REQUIRE(Manifest<Gpt2<gpt2_large>>::parameters == 774'030'080);
    STATIC_REQUIRE(Manifest<Gpt2<gpt2_xl>>::parameters == 1'557'611'200);
}

TEST_CASE("the four sizes have the published numbers of tensors", "[nn]") {
    STATIC_REQUIRE(tensors<gpt2_small> == 148);
    STATIC_REQUIRE(tensors<gpt2_medium> == 292);
    STATIC_REQUIRE(tensors<gpt2_large> == 436);
    STATIC_REQUIRE(tensors<gpt2_xl> == 580);
}

TEST_CASE("full-rank adapters have the parameters of the published runs", "[nn]") {
    STATIC_REQUIRE(adapter_parameters<gpt2_small, adapter::FullRank> == 219'414'528);
    STATIC_REQUIRE(adapter_parameters<gpt2_medium, adapter::FullRank> == 780'140'544);
    STATIC_REQUIRE(adapter_parameters<gpt2_large, adapter::FullRank> == 1'828'454'400);
    STATIC_REQUIRE(adapter_parameters<gpt2_xl, adapter::FullRank> == 3'809'280'000);
}

TEST_CASE("adapters of rank 64 have the parameters of the published runs", "[nn]") {
    STATIC_REQUIRE(adapter_parameters<gpt2_small, adapter::Lora<64>> == 9'437'184);
    STATIC_REQUIRE(adapter_parameters<gpt2_medium, adapter::Lora<64>> == 25'165'824);
    STATIC_REQUIRE(adapter_parameters<gpt2_large, adapter::Lora<64>> == 47'185'920);
    STATIC_REQUIRE(adapter_parameters<gpt2_xl, adapter::Lora<64>> == 78'643'200);
}

TEST_CASE("the layers that the targets name have adapters, and no others", "[nn]") {
    constexpr std::size_t d = gpt2_small.embed;
    using Queries = Manifest<Gpt2<gpt2_small, adapter::Lora<8>, targets::c_attn>>;
    STATIC_REQUIRE(Queries::parameters_of(Role::adapter) == 12 * 8 * (d + 3 * d));
    STATIC_REQUIRE(Queries::trainable_parameters == Queries::parameters_of(Role::adapter));
    STATIC_REQUIRE(Queries::entries.size() == 148 + 12 * 2);
    using Two = Manifest<Gpt2<gpt2_small, targets::Only<Target::attn_c_proj, Target::mlp_c_proj>, adapter::FullRank>>;
    STATIC_REQUIRE(Two::parameters_of(Role::adapter) == 12 * (2 * d * d + 4 * d * 4 * d + 4 * d * d));
    using Expansion = Manifest<Gpt2<gpt2_small, adapter::Lora<8>, targets::c_fc>>;
    for (const TensorEntry& entry : Expansion::entries) {
        if (entry.role == Role::adapter) CHECK(entry.layer_in_group() == "mlp.c_fc");
    }
}

TEST_CASE("only adapters train in the removal method", "[nn]") {
    using Table = Manifest<Gpt2<gpt2_small, norm::Removable, adapter::FullRank>>;
    STATIC_REQUIRE(Table::trainable_parameters == 219'414'528);
    STATIC_REQUIRE(Table::parameters == 124'439'808 + 219'414'528);
    STATIC_REQUIRE(Table::gradient_elements_of(Role::weight) == 0);
}

TEST_CASE("tensors have their Hugging Face names and shapes", "[nn]") {
    CHECK(listed<Gpt2<gpt2_small>>() == published(gpt2_small));
    CHECK(listed<Gpt2<gpt2_xl>>() == published(gpt2_xl));
    CHECK(listed<Gpt2<gpt2_large, norm::Removable>>() == published(gpt2_large));
}

TEST_CASE("adapters stand behind the matrix that they adapt", "[nn]") {
    const auto all = listed<Gpt2<gpt2_medium, adapter::Lora<8>>>();
    CHECK(all.at(6) == Listed{"h.0.attn.c_attn.lora_A", {1024, 8}});
    CHECK(all.at(7) == Listed{"h.0.attn.c_attn.lora_B", {8, 3072}});
}

TEST_CASE("an untied head adds its weight and its bias", "[nn]") {
    CHECK(listed<Tiny<head::Untied>>().back() == Listed{"lm_head.weight", {11, 8}});
    CHECK(listed<Tiny<head::UntiedWithBias>>().back() == Listed{"lm_head.bias", {11}});
    STATIC_REQUIRE(Manifest<Tiny<head::UntiedWithBias>>::parameters_of(Role::head) == 11 * 8 + 11);
}

TEST_CASE("every region of GPT-2 small is contiguous and aligned", "[nn]") {
    using Table = Manifest<Gpt2<gpt2_small, adapter::FullRank, precision::FrozenBf16>>;
    std::array<std::size_t, role_count> next{};
    for (const TensorEntry& entry : Table::entries) {
        CHECK(entry.offset == next[index_of(entry.role)]);
        CHECK(entry.offset % tensor_alignment == 0);
        next[index_of(entry.role)] += aligned_size(entry.bytes());
    }
    for (const Role role : all_roles) CHECK(next[index_of(role)] == Table::bytes_of(role));
    // The vocabulary is no multiple of 32, the width is: no padding anywhere but nothing else either.
    CHECK(next[index_of(Role::adapter)] == 4 * 219'414'528ULL);
    CHECK(next[index_of(Role::embedding)] == 2ULL * 768 * (50257 + 1024));
}

TEST_CASE("a model contains a layer norm if one may still be computed", "[nn]") {
    STATIC_REQUIRE(has_layer_norm<>);
    STATIC_REQUIRE(has_layer_norm<norm::LayerNorm>);
    STATIC_REQUIRE(has_layer_norm<norm::Removable>);
    STATIC_REQUIRE(!has_layer_norm<norm::FixedStd>);
    STATIC_REQUIRE(!has_layer_norm<norm::Absent>);
    STATIC_REQUIRE(!has_layer_norm<norm::RmsNorm>);
    STATIC_REQUIRE(!has_layer_norm<norm::DynamicTanh>);
    STATIC_REQUIRE(contains_layer_norm<LayerNorm<8, P>>);
    STATIC_REQUIRE(!contains_layer_norm<SideBySide>);
    STATIC_REQUIRE(contains_layer_norm<WithOneLayerNorm>);
}

TEST_CASE("the order of policies does not make another model", "[nn]") {
    STATIC_REQUIRE(std::is_same_v<Tiny<adapter::FullRank, norm::Removable>, Tiny<norm::Removable, adapter::FullRank>>);
    STATIC_REQUIRE(!std::is_same_v<Tiny<norm::Removable>, Tiny<>>);
}

TEST_CASE("a decoder of other parts names them by place", "[nn]") {
    const auto all = listed<SideBySide>();
    CHECK(all.at(2) == Listed{"h.0.norm.weight", {8}});
    CHECK(all.at(3) == Listed{"h.0.inner.attn.c_attn.weight", {8, 24}});
    CHECK(all.at(7) == Listed{"h.0.inner.1.c_fc.weight", {8, 32}});
    CHECK(all.back() == Listed{"norm.weight", {8}});
    CHECK(listed<Decoder<tiny, P, Gpt2Block<tiny, P>>>().back().name == "h.1.mlp.c_proj.bias");
}

TEST_CASE("a norm in Gpt2 has two paths before attention and one elsewhere", "[nn]") {
    using R = Policies<norm::Removable>;
    STATIC_REQUIRE(NormFor<R, 8, 2>::paths == 2);
    STATIC_REQUIRE(NormFor<R, 8>::paths == 1);
    STATIC_REQUIRE(std::is_same_v<NormFor<P, 8, 2>, LayerNorm<8, P>>);
}
