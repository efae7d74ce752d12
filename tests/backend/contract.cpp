// SPDX-License-Identifier: MIT
// The smallest type that is a Backend, near misses that each lack one thing, and how a device carries out a request.
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include <lamina/backend/contract.hpp>

#include "support/catch.hpp"

using namespace lamina;

namespace {

/// What every backend runs, in the only form that the concept looks at.
using Requests =
    std::tuple<Matmul<float, float, bf16>, AffineProduct<float, float, bf16>, GeluBackwardProduct<float, float, bf16>,
               Fill<float>, Convert<float, bf16>, Map<float, detail::Negate, float>,
               SumRows<float, detail::Negate, float>, GatherRows<float, float>, ScatterRows<float, float>,
               SumOfSquares<float>, RowMoments<float>, Normalise<float, float>, NormaliseRows<float, float>,
               NormaliseBackward<float, float, float>, DivisorRows<float>, MeansOverTokens<float>,
               DeviationPenaltyBackward<float>, Embed<float, float>, EmbedBackward<float, float>, Attention<float>,
               AttentionBackward<float>, CachedAttention<float>, StoreKeysValues<float>, SoftmaxCrossEntropy<float>,
               AdamWUpdate<float, float, float>>;
constexpr std::size_t request_count = std::tuple_size_v<Requests>;

template <class Request, class... Listed>
constexpr std::size_t place_in(std::type_identity<std::tuple<Listed...>>) {
    std::size_t place = 0;
    static_cast<void>(((std::same_as<Request, Listed> || (++place, false)) || ...));
    return place;
}
/// Of a request in the list; `request_count` of what is not in it.
template <class Request>
constexpr std::size_t place_of = place_in<Request>(std::type_identity<Requests>{});

/// What a backend has besides, numbered after the requests.
enum Part : std::size_t { allocate = request_count, allocate_host, copy, upload, download, replay, nothing };

/// A backend without one request or part; without `nothing` it has all of them.
template <std::size_t Lacking>
struct BackendWithout {
    static constexpr bool has(std::size_t part) { return part != Lacking; }

    struct Memory {};
    static constexpr std::size_t row_multiple = 1;
    static constexpr std::size_t logits_rows(std::size_t) { return 1; }
    static constexpr std::size_t vocabulary_multiple = 1;
    Memory allocate(std::size_t) requires(has(Part::allocate));
    Memory allocate_host(std::size_t) requires(has(Part::allocate_host));
    void copy(void*, const void*, std::size_t) requires(has(Part::copy));
    void upload(void*, const void*, std::size_t) requires(has(Part::upload));
    void download(void*, const void*, std::size_t) requires(has(Part::download));
    void replay(std::span<const std::uint64_t>, detail::NoWork) requires(has(Part::replay));
    template <class Request>
    requires(place_of<Request> < request_count && has(place_of<Request>)) ResultOf<Request> run(const Request&);
};

using SmallestBackend = BackendWithout<nothing>;
static_assert(Backend<SmallestBackend>);
static_assert(Runs<SmallestBackend, Fill<float>> && !Runs<SmallestBackend, Fill<double>>);

template <std::size_t... Index>
constexpr bool each_is_asked_for(std::index_sequence<Index...>) {
    return (!Backend<BackendWithout<Index>> && ...);
}
static_assert(each_is_asked_for(std::make_index_sequence<nothing>{}));

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
    using SmallestBackend::run;
    float run(const SumOfSquares<float>&);
};
static_assert(!Backend<SquaresInFloat>);

struct FillWithResult : SmallestBackend {
    using SmallestBackend::run;
    int run(const Fill<float>&);
};
static_assert(!Backend<FillWithResult>);

struct MultipleOfNoRows : SmallestBackend {
    static constexpr std::size_t row_multiple = 0;
};
static_assert(!Backend<MultipleOfNoRows>);
struct LogitsOfAnyRows : SmallestBackend {
    static constexpr std::size_t row_multiple = 2;
};
static_assert(!Backend<LogitsOfAnyRows>);
struct MultipleOfNoTokens : SmallestBackend {
    static constexpr std::size_t vocabulary_multiple = 0;
};
static_assert(!Backend<MultipleOfNoTokens>);

static_assert(!Backend<int>);

static_assert(std::is_same_v<ResultOf<SumOfSquares<bf16>>, double>);
static_assert(std::is_same_v<ResultOf<Fill<float>>, void> && std::is_same_v<ResultOf<Attention<float>>, void>);

}  // namespace

namespace elsewhere {

/// A device that keeps what it is asked for.
struct Device {
    std::size_t executed = 0;
    Normalise<float, float> last{};
};
// Both are found by the device's namespace.
void execute(Device& device, const Normalise<float, float>& request) {
    ++device.executed;
    device.last = request;
}
double execute(Device&, const SumOfSquares<float>& request) { return static_cast<double>(request.of.size()); }

}  // namespace elsewhere

TEST_CASE("a device is given requests that fit, without the widths that their types know", "[contract]") {
    std::array<float, 12> values{};
    elsewhere::Device device;
    Normalise<float, float, float, 4> request{.x = {values.data(), 3},
                                              .y = {values.data(), 3},
                                              .mean = {values.data(), 3},
                                              .divisor = {values.data(), 3},
                                              .gain = {values.data(), 1}};
    detail::carry_out(device, request);
    CHECK(device.executed == 1);
    CHECK((device.last.x.data == values.data() && device.last.x.rows == 3 && device.last.x.cols == 4));
    CHECK(device.last.bias.empty());

    request.mean.rows = 2;
    CHECK_THROWS_AS(detail::carry_out(device, request), ContractViolation);
    CHECK(device.executed == 1);
}

TEST_CASE("what a device returns is returned", "[contract]") {
    elsewhere::Device device;
    const std::array<float, 6> values{};
    CHECK(detail::carry_out(device, SumOfSquares(Rows<const float, 3>(values.data(), 2))) == 6);
}
