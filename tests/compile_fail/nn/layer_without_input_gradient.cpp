// expect: lamina: Layer: a layer of a composition lacks what nn/layer_concept.hpp says one must offer; add what the compiler names
#include <lamina/lamina.hpp>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
using P = Policies<>;

struct Own {
    using Scalar = float;
    using Saved = NothingSaved;
    static constexpr std::size_t in = 8;
    static constexpr std::size_t out = 8;

    template <class Visitor>
    constexpr void visit(Visitor&&) {}
    template <class B>
    void forward(Pass<B>&, Rows<const float, in>, Rows<float, out>, Saved&) {}
#ifdef LAMINA_EXPECT_FAILURE
    template <class B>
    void backward(Pass<B>&, Rows<const float, in>, const Saved&, Rows<const float, out>) {}
#else
    template <class B>
    void backward(Pass<B>&, Rows<const float, in>, const Saved&, Rows<const float, out>, Rows<float, in>) {}
#endif
};

using Block = Sequential<Gpt2Block<tiny, P>, Residual<PreNorm<Named<"ln", LayerNorm<8, P>>, Named<"own", Own>>>>;
using Model = Decoder<tiny, P, Block>;

#include "compile_fail/use_model.hpp"
