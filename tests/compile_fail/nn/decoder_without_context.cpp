// expect: lamina: Architecture: layers, embed, context and vocab must be at least 1; name all five numbers
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 0, .vocab = 11};
#else
constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
#endif

using P = Policies<>;
using Model = Decoder<tiny, P, Residual<Mlp<8, 16, P>>>;

#include "compile_fail/use_model.hpp"
