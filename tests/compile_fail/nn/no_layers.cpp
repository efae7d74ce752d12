// expect: lamina: Architecture: layers, embed, context and vocab must be at least 1; name all five numbers
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
using Model = Gpt2<Architecture{.layers = 0, .heads = 6, .embed = 768, .context = 64, .vocab = 100}>;
#else
using Model = Gpt2<Architecture{.layers = 1, .heads = 6, .embed = 768, .context = 64, .vocab = 100}>;
#endif

#include "compile_fail/use_model.hpp"
