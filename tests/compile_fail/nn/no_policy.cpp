// expect: lamina: Policies: a type in the list is no policy; use the ones in norm::
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

#ifdef LAMINA_EXPECT_FAILURE
using Model = Gpt2<tiny, float>;
#else
using Model = Gpt2<tiny, precision::Fp32>;
#endif

#include "compile_fail/use_model.hpp"
