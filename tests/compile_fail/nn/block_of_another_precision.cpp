// expect: lamina: Decoder: the block's activations have another type than the policies'; give both the same policies
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};

#ifdef LAMINA_EXPECT_FAILURE
using P = Policies<precision::Fp64>;
#else
using P = Policies<>;
#endif

using Model = Decoder<tiny, Policies<>, Gpt2Block<tiny, P>>;

#include "compile_fail/use_model.hpp"
