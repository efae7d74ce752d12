// expect: lamina: Decoder: the block's width is not the architecture's embed; give both the same
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
using Block = Gpt2Block<gpt2_medium, Policies<>>;
#else
using Block = Gpt2Block<gpt2_small, Policies<>>;
#endif

using Model = Decoder<gpt2_small, Policies<>, Block>;

#include "compile_fail/use_model.hpp"
