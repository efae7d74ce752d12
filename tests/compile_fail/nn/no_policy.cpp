// expect: lamina: Policies: a type in the list is no policy; use the ones in norm::
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
using Model = Gpt2<gpt2_small, float>;
#else
using Model = Gpt2<gpt2_small, precision::Fp32>;
#endif
