// SPDX-License-Identifier: MIT
#include <lamina/nn/run/key_value_cache.hpp>

#include <lamina/nn/activation.hpp>
#include <lamina/removal/removable_norm.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <vector>

#include "nn/tiny_models.hpp"
#include "support/catch.hpp"

using namespace lamina;
using namespace lamina_tests;

namespace {

using Model = Gpt2<tiny>;
using Cache = KeyValueCache<Model>;
using PackedPass = detail::PackedPass<Model>;

// Keys and values, 8 wide, in each of two layers.
static_assert(Cache::bytes(10) == 10 * 2 * 2 * 8 * sizeof(float));
static_assert(KeyValueCache<Gpt2<tiny, precision::Fp64>>::bytes(1) == 2 * 2 * 8 * sizeof(double));
static_assert(KeyValueCache<Gpt2<tiny, precision::AllBf16>>::bytes(1) == 2 * 2 * 8 * sizeof(bf16));

// One mistake away from freeing memory twice.
static_assert(!std::is_copy_constructible_v<Cache> && !std::is_copy_assignable_v<Cache>);
static_assert(std::is_nothrow_move_constructible_v<Cache> && std::is_nothrow_move_assignable_v<Cache>);

template <class P>
using Attention = CausalSelfAttention<8, 2, P>;
using P = Policies<>;

// Each attention of a block has a place of its own; a block without any needs none.
template <class Block>
constexpr std::size_t bytes_of = detail::announced<Block>().bytes();
static_assert(bytes_of<Sequential<Residual<Attention<P>>, Residual<Parallel<Attention<P>, Attention<P>>>>> ==
              3 * 2 * 8 * sizeof(float));
static_assert(bytes_of<Mlp<8, 32, P>> == 0);

// Each keeps its own scalar, whatever that of the model or of its neighbours is.
template <class Q>
using Around = Residual<PreNorm<LayerNorm<8, Q>, Attention<Q>>>;
using MixedBlock = Sequential<Around<Policies<precision::MixedBf16>>, Around<P>>;
static_assert(detail::announced<MixedBlock>().bfloats == 2 * 8 && detail::announced<MixedBlock>().floats == 2 * 8);
static_assert(bytes_of<MixedBlock> == 2 * 8 * (2 + 4));

// Every layer of the house says how its tokens see each other; one that does not is found wherever it stands.
template <class Block>
constexpr bool all_say = detail::announced<Block>().all;
static_assert(all_say<Gpt2Block<tiny, P>>);
static_assert(all_say<Gpt2Block<tiny, Policies<norm::Removable, adapter::Lora<2>, execution::Factored>>>);
static_assert(all_say<DynamicTanh<8, P>> && all_say<RmsNorm<8, P>> && all_say<AbsentNorm<8, P>>);
struct Silent {
    using Saved = NothingSaved;
    static constexpr std::size_t in = 8;
    static constexpr std::size_t out = 8;
    static constexpr bool token_wise = false;
    using Scalar = float;
    template <class Visitor>
    constexpr void visit(Visitor&&) {}
    template <class B>
    void forward(Pass<B>&, Rows<const float, in>, Rows<float, out>, Saved&) {}
    template <class B>
    void backward(Pass<B>&, Rows<const float, in>, const Saved&, Rows<const float, out>, Rows<float, in>) {}
};
static_assert(!all_say<Silent> && !all_say<Sequential<Gelu<8, P>, Residual<Silent>>>);
static_assert(!all_say<Parallel<Silent, Attention<P>>>);

const std::vector<Token> tokens{1, 2, 3, 4, 5, 6, 7};

Segment segment(std::size_t count, CachedPrefix prefix = {}, std::optional<std::size_t> store_at = std::nullopt) {
    return {std::span(tokens).first(count), prefix, store_at};
}

/// What a cache of 10 rows says of a pass; nothing where it has nothing against it.
std::string objection(const std::vector<Segment>& segments) {
    Cpu backend;
    PackedPass pass(backend, 10);
    try {
        pass.begin(segments);
    } catch (const ArgumentError& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("a pass is its segments one after another, positions going on after the prefix", "[nn]") {
    Cpu backend;
    PackedPass pass(backend, 10);
    for (int again = 0; again < 2; ++again) {
        pass.begin(std::vector<Segment>{segment(2, {3, 4}), segment(3), segment(1, {0, 5}, 9)});
        CHECK(std::vector<Token>(pass.ids().begin(), pass.ids().end()) == std::vector<Token>{1, 2, 1, 2, 3, 1});
        CHECK(std::vector<std::size_t>(pass.positions().begin(), pass.positions().end()) ==
              std::vector<std::size_t>{4, 5, 0, 1, 2, 5});
    }
}

TEST_CASE("what does not fit into the cache or the context is refused in one sentence", "[nn]") {
    CHECK(objection({segment(6), segment(1, {5, 5})}) == "");
    CHECK(objection({segment(6), segment(6, {}, 4)}) == "");
    CHECK(objection({segment(1), segment(0)}) == "lamina: cached pass: segment 1 has no tokens, expected at least one");
    CHECK(objection({segment(1, {6, 5})}) ==
          "lamina: cached pass: segment 0 continues 5 tokens from row 6 on, but the cache has 10 rows");
    CHECK(objection({segment(1, {11, 0})}) == "");  // nothing is read there
    CHECK(objection({segment(1, {static_cast<std::size_t>(-1), 2})}).find("but the cache has 10 rows") !=
          std::string::npos);
    CHECK(objection({segment(1, {}, 9), segment(6, {}, 5)}) ==
          "lamina: cached pass: segment 1 stores 6 tokens from row 5 on, but the cache has 10 rows; make it larger");
    CHECK(objection({segment(7)}) ==
          "lamina: cached pass: segment 0 ends after 7 tokens, expected at most 6, the context of the model");
    CHECK(objection({segment(3, {0, 4})}) ==
          "lamina: cached pass: segment 0 ends after 7 tokens, expected at most 6, the context of the model");
}

TEST_CASE("rows are stored once in a pass, and not where it reads", "[nn]") {
    CHECK(objection({segment(3, {}, 0), segment(3, {}, 3), segment(2, {8, 2}, 6)}) == "");
    CHECK(objection({segment(3, {}, 4), segment(3, {}, 2)}) ==
          "lamina: cached pass: segment 0 is stored where segment 1 is; give each rows of its own");
    CHECK(objection({segment(2, {2, 3}), segment(2, {}, 4)}) ==
          "lamina: cached pass: segment 1 is stored where segment 0 is read in the same pass; give it rows of its own, "
          "or a pass of its own");
    CHECK(objection({segment(2, {2, 3}), segment(2, {}, 1)}) != "");
    CHECK(objection({segment(2, {2, 3}), segment(2, {}, 0), segment(2, {}, 5)}) == "");
    // What has no length is not read, wherever it lies.
    CHECK(objection({segment(2, {5, 0}), segment(3, {4, 0}, 4)}) == "");
}

TEST_CASE("a cache has the rows that it was made with, never fewer than it says", "[nn]") {
    Cpu backend;
    CHECK(Cache(backend, 10).rows() == 10);
    const std::size_t wraps = static_cast<std::size_t>(-1) / Cache::bytes(1) + 2;
    CHECK_THROWS_AS(Cache(backend, wraps), ArgumentError);
    CHECK_THROWS_AS(Cache::bytes(wraps), ArgumentError);
}

TEST_CASE("a block that asks for other keys and values than it announces is refused", "[nn]") {
    Cpu backend;
    PackedPass pass(backend, 1);
    std::vector<float> numbers(4 * 8);
    const MatrixView<const float> qkv(numbers.data(), 1, 24);
    const MatrixView<float> out(numbers.data() + 24, 1, 8);
    pass.begin(std::vector<Segment>{segment(1)});
    const PackedAttentions attentions = pass.attentions();
    pass.enter_block(0);
    CHECK_THROWS_AS(pass.leave_block(), Error);
    attentions.attend<float>(2, qkv, out);
    CHECK_NOTHROW(pass.leave_block());
    CHECK_THROWS_AS(attentions.attend<float>(2, qkv, out), Error);
    pass.enter_block(1);
    attentions.attend<float>(2, qkv, out);
    CHECK_NOTHROW(pass.leave_block());
}

TEST_CASE("a layer that asks for keys and values in a scalar that none announces is refused", "[nn]") {
    Cpu backend;
    PackedPass pass(backend, 1);
    std::vector<double> numbers(4 * 8);
    pass.begin(std::vector<Segment>{segment(1)});
    pass.enter_block(0);
    const PackedAttentions attentions = pass.attentions();
    CHECK_THROWS_WITH(attentions.attend<double>(2, {numbers.data(), 1, 24}, {numbers.data() + 24, 1, 8}),
                      "lamina: cached pass: a layer asks for keys and values in a scalar that none announces; a layer "
                      "with a cached_width must call attend of Pass::packed with its own Scalar");
}
