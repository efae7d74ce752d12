// expect: lamina: KeyValueCache: a layer of the model does not say how its tokens see each other; announce token_wise or cached_width in it
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/run/key_value_cache.hpp>
#include <lamina/nn/score.hpp>

#include <array>
#include <cstddef>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
using P = Policies<>;

/// Whether it mixes tokens can not be seen from outside.
struct Unknown {
    using Scalar = float;
    using Saved = NothingSaved;
    static constexpr std::size_t in = 8;
    static constexpr std::size_t out = 8;
#ifndef LAMINA_EXPECT_FAILURE
    static constexpr bool token_wise = true;
#endif

    template <class Visitor>
    constexpr void visit(Visitor&&) {}
    template <class B>
    constexpr void forward(Pass<B>&, Rows<const float, in>, Rows<float, out>, Saved&) {}
    template <class B>
    constexpr void backward(Pass<B>&, Rows<const float, in>, const Saved&, Rows<const float, out>, Rows<float, in>) {}
};

using Model = Decoder<tiny, P, Sequential<Residual<Unknown>, Residual<Mlp<8, 16, P>>>>;
static_assert(KeyValueCache<Model>::bytes(10) == 0);

std::size_t use_cache() {
    CpuBackend backend;
    Model model(backend);
    KeyValueCache<Model> cache(backend, 10);
    const std::array<Token, 3> tokens{1, 2, 3};
    const std::array<Segment, 1> segments{Segment{.tokens = tokens}};
    const std::array<WantedToken, 1> wanted{WantedToken{.row = 1, .target = 3}};
    return score(model, cache, segments, wanted).size();
}
