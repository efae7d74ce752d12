// SPDX-License-Identifier: MIT
// The smallest type that is a Backend, and near misses that each lack one thing.
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include <lamina/backend/contract.hpp>

#include "support/catch.hpp"

namespace {

using namespace lamina;

enum class Operation : std::size_t {
    allocate,
    upload,
    download,
    fill,
    convert,
    matmul,
    affine_product,
    matmul_gelu_backward,
    map,
    sum_rows,
    gather_rows,
    scatter_rows,
    row_moments,
    normalise,
    normalise_rows,
    normalise_backward,
    divisor_rows,
    mean_over_tokens,
    embed,
    embed_backward,
    attention,
    attention_backward,
    cached_attention,
    store_keys_values,
    softmax_cross_entropy,
    deviation_penalty_backward,
    adamw,
    sum_of_squares,
    replay,
    nothing
};

using Out = MatrixView<float>;
using In = MatrixView<const float>;

/// A backend without one operation; without `nothing` it has all of them, in the only form that the concept looks at.
template <Operation Lacking>
struct BackendWithout {
    static constexpr bool has(Operation operation) { return operation != Lacking; }

    struct Memory {};
    static constexpr std::size_t row_multiple = 1;
    static constexpr std::size_t logits_rows = 1;
    Memory allocate(std::size_t) requires(has(Operation::allocate));
    void upload(void*, const void*, std::size_t) requires(has(Operation::upload));
    void download(void*, const void*, std::size_t) requires(has(Operation::download));
    void fill(Out, float) requires(has(Operation::fill));
    void convert(Out, MatrixView<const bf16>) requires(has(Operation::convert));
    void matmul(Out, In, MatrixView<const bf16>, MatmulOptions) requires(has(Operation::matmul));
    void affine_product(const AffineProduct<float, float, bf16, float>&) requires(has(Operation::affine_product));
    void matmul_gelu_backward(const GeluBackwardProduct<float, float, bf16>&) requires(
        has(Operation::matmul_gelu_backward));
    void map(Out, detail::Negate, In) requires(has(Operation::map));
    void sum_rows(Out, Write, detail::Negate, In) requires(has(Operation::sum_rows));
    void gather_rows(Out, In, const std::size_t*) requires(has(Operation::gather_rows));
    void scatter_rows(Out, In, const std::size_t*) requires(has(Operation::scatter_rows));
    void row_moments(const RowMoments<float>&) requires(has(Operation::row_moments));
    void normalise(const Normalise<float, float>&) requires(has(Operation::normalise));
    void normalise_rows(const NormaliseRows<float, float>&) requires(has(Operation::normalise_rows));
    void normalise_backward(const NormaliseBackward<float, float, float>&) requires(has(Operation::normalise_backward));
    void divisor_rows(const DivisorRows<float>&) requires(has(Operation::divisor_rows));
    void mean_over_tokens(const MeanOverTokens<float>&) requires(has(Operation::mean_over_tokens));
    void embed(const Embed<float, float>&) requires(has(Operation::embed));
    void embed_backward(const EmbedBackward<float, float>&) requires(has(Operation::embed_backward));
    void attention(const Attention<float>&) requires(has(Operation::attention));
    void attention_backward(const AttentionBackward<float>&) requires(has(Operation::attention_backward));
    void cached_attention(const CachedAttention<float>&) requires(has(Operation::cached_attention));
    void store_keys_values(const StoreKeysValues<float>&) requires(has(Operation::store_keys_values));
    void softmax_cross_entropy(const SoftmaxCrossEntropy<float>&) requires(has(Operation::softmax_cross_entropy));
    void deviation_penalty_backward(const DeviationPenaltyBackward<float>&) requires(
        has(Operation::deviation_penalty_backward));
    void adamw(const AdamWUpdate<float, float, float>&) requires(has(Operation::adamw));
    double sum_of_squares(In) requires(has(Operation::sum_of_squares));
    void replay(std::span<const std::uint64_t>, detail::NoWork) requires(has(Operation::replay));
};

using SmallestBackend = BackendWithout<Operation::nothing>;
static_assert(Backend<SmallestBackend>);

template <std::size_t... Index>
constexpr bool each_operation_is_asked_for(std::index_sequence<Index...>) {
    return (!Backend<BackendWithout<static_cast<Operation>(Index)>> && ...);
}
static_assert(each_operation_is_asked_for(std::make_index_sequence<static_cast<std::size_t>(Operation::nothing)>{}));

struct MemoryWithoutName : SmallestBackend {
private:
    using SmallestBackend::Memory;
};
static_assert(!Backend<MemoryWithoutName>);

struct RawMemory : SmallestBackend {
    void* allocate(std::size_t);
};
static_assert(!Backend<RawMemory>);

struct SquaresInFloat : SmallestBackend {
    float sum_of_squares(In);
};
static_assert(!Backend<SquaresInFloat>);

struct MultipleOfNoRows : SmallestBackend {
    static constexpr std::size_t row_multiple = 0;
};
static_assert(!Backend<MultipleOfNoRows>);
struct LogitsOfAnyRows : SmallestBackend {
    static constexpr std::size_t row_multiple = 2;
};
static_assert(!Backend<LogitsOfAnyRows>);

static_assert(!Backend<int>);

static_assert(std::is_same_v<ComputeOf<double>, double> && std::is_same_v<ComputeOf<const double>, double>);
static_assert(std::is_same_v<ComputeOf<float>, float> && std::is_same_v<ComputeOf<bf16>, float>);

}  // namespace

TEST_CASE("what a request leaves out has the documented default", "[contract]") {
    constexpr MatmulOptions product;
    STATIC_REQUIRE((product.lhs_as == Transpose::no && product.rhs_as == Transpose::no));
    STATIC_REQUIRE(product.write == Write::overwrite);

    constexpr AffineProduct<float, bf16, bf16, bf16> affine{.out = {}, .lhs = {}, .rhs = {}};
    STATIC_REQUIRE((affine.bias == nullptr && affine.base.empty() && affine.pre_activation.empty()));
    STATIC_REQUIRE(affine.scale == 1);

    constexpr GeluBackwardProduct<float, float, bf16> gelu_backward{
        .out = {}, .lhs = {}, .rhs = {}, .pre_activation = {}};
    STATIC_REQUIRE(gelu_backward.write == Write::overwrite);

    constexpr RowMoments<float> moments{.x = {}, .mean = nullptr, .deviation = nullptr, .epsilon = 1e-5};
    STATIC_REQUIRE(moments.centre == Centre::yes);

    constexpr NormaliseBackward<float, bf16, float> backward{
        .x = {}, .mean = nullptr, .divisor = nullptr, .gain = nullptr, .d_y = {}, .d_x = {}};
    STATIC_REQUIRE((backward.d_gain == nullptr && backward.d_bias == nullptr));
    STATIC_REQUIRE((backward.centre == Centre::yes && backward.statistics == Divisor::live));
    STATIC_REQUIRE((backward.write == Write::overwrite && backward.base.empty()));

    constexpr NormaliseRows<float, bf16> rows{.x = {}, .y = {}, .mean = nullptr, .gain = nullptr};
    STATIC_REQUIRE((rows.deviation == nullptr && rows.divisor == nullptr && rows.bias == nullptr));
    STATIC_REQUIRE((rows.epsilon == 0 && rows.centre == Centre::yes));

    constexpr PackedSegment segment{.first = 3, .count = 2};
    STATIC_REQUIRE((segment.prefix_count == 0 && segment.store_first == PackedSegment::not_stored));

    constexpr DivisorRows<float> divisors{nullptr, {}, nullptr, 1, 1, 1, 0};
    constexpr Embed<float, float> embedding{nullptr, {}, {}, {}, {}};
    STATIC_REQUIRE((divisors.positions == nullptr && embedding.positions == nullptr));

    constexpr SoftmaxCrossEntropy<float> loss{.logits = {}, .targets = nullptr, .losses = nullptr};
    STATIC_REQUIRE((loss.scale == 1 && loss.logits_after == Logits::become_gradient));
    STATIC_REQUIRE(loss.d_logits.empty());
}
