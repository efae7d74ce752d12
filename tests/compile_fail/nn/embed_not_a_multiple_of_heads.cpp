// expect: lamina: Architecture: embed must be a multiple of heads; change one of the two
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
using Model = Gpt2<Architecture{.layers = 2, .heads = 5, .embed = 768, .context = 64, .vocab = 100}>;
#else
using Model = Gpt2<Architecture{.layers = 2, .heads = 6, .embed = 768, .context = 64, .vocab = 100}>;
#endif

#include "compile_fail/use_model.hpp"
