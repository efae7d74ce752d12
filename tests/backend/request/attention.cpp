// SPDX-License-Identifier: MIT
#include <lamina/backend/request/attention.hpp>

#include <lamina/core/bfloat16.hpp>

#include "backend/request/shown.hpp"
#include "support/catch.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <type_traits>

using namespace lamina;
using namespace lamina_tests;

namespace {

constexpr Extent extent{.batch = 2, .sequence = 3};
using Segments = std::span<const PackedSegment>;

static_assert(detail::three_times(4) == 12 && detail::three_times(dynamic) == dynamic);

// Two sequences of three tokens, two heads of two columns each.
using Forward = Attention<bf16>;
constexpr Forward forward{.extent = extent,
                          .heads = 2,
                          .qkv = matrix<bf16>(6, 12),
                          .out = matrix<bf16>(6, 4),
                          .log_sum_exp = matrix<float>(6, 2)};
static_assert(forward.flops() == 2 * 2 * 3 * 3 * 4);
static_assert(forward.bytes() == 2 * 72 + 2 * 24 + 4 * 12);

using TypedForward = Attention<bf16, 4, 2>;
static_assert(MadeOf<TypedForward, Extent, std::size_t, Rows<bf16, 12>, Rows<bf16, 4>, Rows<float, 2>>);
static_assert(!MadeOf<TypedForward, Extent, std::size_t, Rows<bf16, 11>, Rows<bf16, 4>, Rows<float, 2>>);
static_assert(!MadeOf<TypedForward, Extent, std::size_t, Rows<bf16, 12>, Rows<bf16, 3>, Rows<float, 2>>);
static_assert(!MadeOf<TypedForward, Extent, std::size_t, Rows<bf16, 12>, Rows<bf16, 4>, Rows<float, 4>>);
static_assert(!MadeOf<TypedForward, Extent, std::size_t, MatrixView<bf16>, Rows<bf16, 4>, Rows<float, 2>>);

constexpr TypedForward typed_forward{.extent = extent,
                                     .heads = 2,
                                     .qkv = typed<bf16, 12>(6, 1),
                                     .out = typed<bf16, 4>(6, 2),
                                     .log_sum_exp = typed<float, 2>(6, 3)};
constexpr auto erased_forward = typed_forward.erased();
static_assert(std::is_same_v<decltype(erased_forward), const Forward>);
static_assert(erased_forward.extent == extent && erased_forward.heads == 2 &&
              same(erased_forward.qkv, typed_forward.qkv) && same(erased_forward.out, typed_forward.out) &&
              same(erased_forward.log_sum_exp, typed_forward.log_sum_exp));

using Backward = AttentionBackward<bf16>;
constexpr Backward backward{.extent = extent,
                            .heads = 2,
                            .qkv = matrix<bf16>(6, 12),
                            .out = matrix<bf16>(6, 4),
                            .log_sum_exp = matrix<float>(6, 2),
                            .d_out = matrix<bf16>(6, 4),
                            .d_qkv = matrix<bf16>(6, 12)};
static_assert(backward.flops() == 5 * 2 * 3 * 3 * 4);
static_assert(backward.bytes() == 2 * (2 * 72 + 2 * 24) + 4 * 12);

using TypedBackward = AttentionBackward<bf16, 4, 2>;
template <std::size_t Qkv, std::size_t Out, std::size_t Heads, std::size_t DOut, std::size_t DQkv>
constexpr bool backward_of = MadeOf<TypedBackward, Extent, std::size_t, Rows<bf16, Qkv>, Rows<bf16, Out>,
                                    Rows<float, Heads>, Rows<bf16, DOut>, Rows<bf16, DQkv>>;
static_assert(backward_of<12, 4, 2, 4, 12>);
static_assert(!backward_of<11, 4, 2, 4, 12> && !backward_of<12, 3, 2, 4, 12> && !backward_of<12, 4, 1, 4, 12> &&
              !backward_of<12, 4, 2, 5, 12> && !backward_of<12, 4, 2, 4, 13>);

constexpr TypedBackward typed_backward{.extent = extent,
                                       .heads = 2,
                                       .qkv = typed<bf16, 12>(6, 1),
                                       .out = typed<bf16, 4>(6, 2),
                                       .log_sum_exp = typed<float, 2>(6, 3),
                                       .d_out = typed<bf16, 4>(6, 4),
                                       .d_qkv = typed<bf16, 12>(6, 5)};
constexpr auto erased_backward = typed_backward.erased();
static_assert(std::is_same_v<decltype(erased_backward), const Backward>);
static_assert(erased_backward.extent == extent && erased_backward.heads == 2 &&
              same(erased_backward.qkv, typed_backward.qkv) && same(erased_backward.out, typed_backward.out) &&
              same(erased_backward.log_sum_exp, typed_backward.log_sum_exp) &&
              same(erased_backward.d_out, typed_backward.d_out) && same(erased_backward.d_qkv, typed_backward.d_qkv));

static_assert(PackedSegment{.first = 3, .count = 2}.prefix_count == 0);
static_assert(PackedSegment{.first = 3, .count = 2}.store_first == PackedSegment::not_stored);

// Three tokens after four that are cached, to be cached themselves, and two that begin a sequence.
constexpr std::array<PackedSegment, 2> segments{
    {{.first = 0, .count = 3, .prefix_first = 2, .prefix_count = 4, .store_first = 4}, {.first = 3, .count = 2}}};

using Cached = CachedAttention<float>;
constexpr Cached cached{.segments = segments,
                        .heads = 2,
                        .qkv = matrix<float>(5, 12),
                        .keys = matrix<float>(7, 4),
                        .values = matrix<float>(7, 4),
                        .out = matrix<float>(5, 4)};
// 5 + 6 + 7 and 1 + 2 pairs of positions that see each other, each in two products.
static_assert(cached.flops() == 2 * 2 * 21 * 4);
static_assert(cached.bytes() == 4 * (60 + 28 + 28 + 20));

using TypedCached = CachedAttention<float, 4>;
template <std::size_t Qkv, std::size_t Keys, std::size_t Values, std::size_t Out>
constexpr bool cached_of = MadeOf<TypedCached, Segments, std::size_t, Rows<float, Qkv>, Rows<float, Keys>,
                                  Rows<float, Values>, Rows<float, Out>>;
static_assert(cached_of<12, 4, 4, 4>);
static_assert(!cached_of<11, 4, 4, 4> && !cached_of<12, 3, 4, 4> && !cached_of<12, 4, 3, 4> && !cached_of<12, 4, 4, 3>);

constexpr TypedCached typed_cached{.segments = segments,
                                   .heads = 2,
                                   .qkv = typed<float, 12>(5, 1),
                                   .keys = typed<float, 4>(7, 2),
                                   .values = typed<float, 4>(7, 3),
                                   .out = typed<float, 4>(5, 4)};
constexpr auto erased_cached = typed_cached.erased();
static_assert(std::is_same_v<decltype(erased_cached), const Cached>);
static_assert(erased_cached.segments.data() == segments.data() && erased_cached.segments.size() == 2 &&
              erased_cached.heads == 2 && same(erased_cached.qkv, typed_cached.qkv) &&
              same(erased_cached.keys, typed_cached.keys) && same(erased_cached.values, typed_cached.values) &&
              same(erased_cached.out, typed_cached.out));

using Store = StoreKeysValues<float>;
constexpr Store store{
    .segments = segments, .qkv = matrix<float>(5, 12), .keys = matrix<float>(7, 4), .values = matrix<float>(7, 4)};
static_assert(store.flops() == 0);
static_assert(store.bytes() == 2 * (2 * 3 * 4) * 4);  // keys and values of three tokens, read and written

using TypedStore = StoreKeysValues<float, 4>;
static_assert(MadeOf<TypedStore, Segments, Rows<float, 12>, Rows<float, 4>, Rows<float, 4>>);
static_assert(!MadeOf<TypedStore, Segments, Rows<float, 11>, Rows<float, 4>, Rows<float, 4>>);
static_assert(!MadeOf<TypedStore, Segments, Rows<float, 12>, Rows<float, 3>, Rows<float, 4>>);
static_assert(!MadeOf<TypedStore, Segments, Rows<float, 12>, Rows<float, 4>, Rows<float, 3>>);

constexpr TypedStore typed_store{.segments = segments,
                                 .qkv = typed<float, 12>(5, 1),
                                 .keys = typed<float, 4>(7, 2),
                                 .values = typed<float, 4>(7, 3)};
constexpr auto erased_store = typed_store.erased();
static_assert(std::is_same_v<decltype(erased_store), const Store>);
static_assert(erased_store.segments.data() == segments.data() && erased_store.segments.size() == 2 &&
              same(erased_store.qkv, typed_store.qkv) && same(erased_store.keys, typed_store.keys) &&
              same(erased_store.values, typed_store.values));

/// `request` with other segments.
template <class Request>
[[nodiscard]] std::string refusal_with(Request request, const PackedSegment& segment) {
    request.segments = {&segment, 1};
    return refusal(request);
}

}  // namespace

TEST_CASE("attention needs a row per token, three parts of equal width, and whole heads", "[request]") {
    STATIC_REQUIRE(accepted(forward));
    const std::string heads = "Attention: heads must divide the width";
    CHECK(refusal_after(forward, [](Forward& request) { request.heads = 0; }) == heads);
    CHECK(refusal_after(forward, [](Forward& request) { request.heads = 3; }) == heads);
    CHECK(off_by_a_column(forward, &Forward::out) == heads);
    CHECK(off_by_a_column(forward, &Forward::qkv) == "Attention: qkv must hold queries, keys and values");
    const std::string tokens = "Attention: qkv and out need a row per token";
    CHECK(off_by_a_row(forward, &Forward::qkv) == tokens);
    CHECK(off_by_a_row(forward, &Forward::out) == tokens);
    CHECK(refusal_after(forward, [](Forward& request) { request.extent = {2, 4}; }) == tokens);
    const std::string numbers = "Attention: log_sum_exp needs a number per token and head";
    CHECK(off_by_a_row(forward, &Forward::log_sum_exp) == numbers);
    CHECK(off_by_a_column(forward, &Forward::log_sum_exp) == numbers);
    CHECK(refusal_after(forward, [](Forward& request) { request.heads = 4; }) == numbers);
}

TEST_CASE("the backward of attention needs what attention needs, and gradients of the same shapes", "[request]") {
    STATIC_REQUIRE(accepted(backward));
    const std::string heads = "AttentionBackward: heads must divide the width";
    CHECK(refusal_after(backward, [](Backward& request) { request.heads = 0; }) == heads);
    CHECK(refusal_after(backward, [](Backward& request) { request.heads = 3; }) == heads);
    CHECK(off_by_a_column(backward, &Backward::out) == heads);
    CHECK(off_by_a_column(backward, &Backward::qkv) == "AttentionBackward: qkv must hold queries, keys and values");
    const std::string tokens = "AttentionBackward: qkv and out need a row per token";
    CHECK(off_by_a_row(backward, &Backward::qkv) == tokens);
    CHECK(off_by_a_row(backward, &Backward::out) == tokens);
    CHECK(refusal_after(backward, [](Backward& request) { request.extent = {3, 3}; }) == tokens);
    const std::string gradients = "AttentionBackward: a gradient of another shape than what it belongs to";
    CHECK(off_by_a_row(backward, &Backward::d_out) == gradients);
    CHECK(off_by_a_column(backward, &Backward::d_out) == gradients);
    CHECK(off_by_a_row(backward, &Backward::d_qkv) == gradients);
    CHECK(off_by_a_column(backward, &Backward::d_qkv) == gradients);
    const std::string numbers = "AttentionBackward: log_sum_exp needs a number per token and head";
    CHECK(off_by_a_row(backward, &Backward::log_sum_exp) == numbers);
    CHECK(off_by_a_column(backward, &Backward::log_sum_exp) == numbers);
    CHECK(refusal_after(backward, [](Backward& request) { request.heads = 4; }) == numbers);
}

TEST_CASE("cached attention refuses rows that there are not, and widths that differ", "[request]") {
    STATIC_REQUIRE(accepted(cached));
    const std::string heads = "CachedAttention: heads must divide the width";
    CHECK(refusal_after(cached, [](Cached& request) { request.heads = 0; }) == heads);
    CHECK(refusal_after(cached, [](Cached& request) { request.heads = 3; }) == heads);
    CHECK(off_by_a_column(cached, &Cached::out) == heads);
    const std::string parts = "CachedAttention: qkv must hold queries, keys and values of every row of out";
    CHECK(off_by_a_row(cached, &Cached::qkv) == parts);
    CHECK(off_by_a_column(cached, &Cached::qkv) == parts);
    CHECK(off_by_a_row(cached, &Cached::out) == parts);
    const std::string cache = "CachedAttention: keys and values must be as wide as out, and as many";
    CHECK(off_by_a_row(cached, &Cached::keys) == cache);
    CHECK(off_by_a_column(cached, &Cached::keys) == cache);
    CHECK(off_by_a_row(cached, &Cached::values) == cache);
    CHECK(off_by_a_column(cached, &Cached::values) == cache);
    CHECK(refusal_with(cached, {.first = 2, .count = 3}) == "");
    CHECK(refusal_with(cached, {.first = 3, .count = 3}) == "CachedAttention: a segment beyond the packed rows");
    CHECK(refusal_with(cached, {.first = 0, .count = 1, .prefix_first = 3, .prefix_count = 4}) == "");
    CHECK(refusal_with(cached, {.first = 0, .count = 1, .prefix_first = 4, .prefix_count = 4}) ==
          "CachedAttention: a prefix beyond the cache");
}

TEST_CASE("keys and values are stored in rows that there are, three times as narrow", "[request]") {
    STATIC_REQUIRE(accepted(store));
    const std::string widths = "StoreKeysValues: qkv must be three times as wide as keys and values";
    CHECK(off_by_a_column(store, &Store::qkv) == widths);
    CHECK(off_by_a_row(store, &Store::keys) == widths);
    CHECK(off_by_a_column(store, &Store::keys) == widths);
    CHECK(off_by_a_row(store, &Store::values) == widths);
    CHECK(off_by_a_column(store, &Store::values) == widths);
    CHECK(refusal_with(store, {.first = 3, .count = 3}) == "StoreKeysValues: a segment beyond the packed rows");
    CHECK(refusal_with(store, {.first = 0, .count = 3, .store_first = 4}) == "");
    CHECK(refusal_with(store, {.first = 0, .count = 3, .store_first = 5}) ==
          "StoreKeysValues: a segment is stored beyond the cache");
    CHECK(refusal_with(store, {.first = 0, .count = 3}) == "");
}
