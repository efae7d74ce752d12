// expect: lamina: Decoder: the final norm's width is not the architecture's embed; give both the same
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
using P = Policies<>;

#ifdef LAMINA_EXPECT_FAILURE
using Norm = RmsNorm<16, P>;
#else
using Norm = RmsNorm<8, P>;
#endif

using Model = Decoder<tiny, P, Gpt2Block<tiny, P>, Norm>;

#include "compile_fail/use_model.hpp"
