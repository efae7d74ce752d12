// expect: lamina: Decoder: the block is no Layer; nn/layer_concept.hpp says what one must offer
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
using P = Policies<>;

struct WithoutBackward : Residual<Mlp<8, 16, P>> {
    void backward() = delete;
};

#ifdef LAMINA_EXPECT_FAILURE
using Block = WithoutBackward;
#else
using Block = Residual<Mlp<8, 16, P>>;
#endif

using Model = Decoder<tiny, P, Block>;

#include "compile_fail/use_model.hpp"
