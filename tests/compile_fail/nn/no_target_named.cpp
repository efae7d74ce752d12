// expect: lamina: targets::Only: a layer is named twice, or none is; name each one once, or use adapter::None
#include <lamina/nn/policies.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
using P = Policies<adapter::Lora<4>, targets::Only<>>;
#else
using P = Policies<adapter::Lora<4>, targets::c_attn>;
#endif
