// expect: lamina: Policies: targets are named, but no adapter to put there; add one, such as adapter::Lora<4>
#include <lamina/nn/policies.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
using P = Policies<targets::c_attn>;
#else
using P = Policies<adapter::Lora<4>, targets::c_attn>;
#endif
