// expect: lamina: Layer: a layer of a composition lacks what nn/layer_concept.hpp says one must offer; add what the compiler names
#include <lamina/lamina.hpp>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

template <std::size_t Width, class P>
struct OwnNorm : RmsNorm<Width, P> {
#ifdef LAMINA_EXPECT_FAILURE
    void backward() = delete;
#endif
};

struct OwnNormPolicy {
    using answers = question::Normalisation;
    template <std::size_t Width, class P, std::size_t Paths>
    using Layer = OwnNorm<Width, P>;
};

using Model = Gpt2<tiny, OwnNormPolicy>;

#include "compile_fail/use_model.hpp"
