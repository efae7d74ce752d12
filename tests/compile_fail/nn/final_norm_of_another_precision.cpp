// expect: lamina: Decoder: the final norm's activations have another type than the policies'; give both the same policies
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
using P = Policies<>;

#ifdef LAMINA_EXPECT_FAILURE
using Norm = RmsNorm<8, Policies<precision::AllBf16>>;
#else
using Norm = RmsNorm<8, P>;
#endif

using Model = Decoder<tiny, P, Gpt2Block<tiny, P>, Norm>;

#include "compile_fail/use_model.hpp"
