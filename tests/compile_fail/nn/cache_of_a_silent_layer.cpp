// expect: lamina: KeyValueCache: a layer of the model does not say how its tokens see each other; announce token_wise or cached_width in it
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/nn/key_value_cache.hpp>

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
    void forward(Pass<B>&, Tokens<const float, in>, Tokens<float, out>, Saved&) {}
    template <class B>
    void backward(Pass<B>&, Tokens<const float, in>, const Saved&, Tokens<const float, out>, Tokens<float, in>) {}
};

using Model = Decoder<tiny, P, Sequential<Residual<Unknown>, Residual<Mlp<8, 16, P>>>>;
static_assert(KeyValueCache<Model>::bytes(10) == 0);
