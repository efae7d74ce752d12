// expect: lamina: adapter::Lora: rank must be at least 1; use adapter::None for no adapter
#include <lamina/arch/adapter.hpp>

#ifdef LAMINA_EXPECT_FAILURE
using Adapter = lamina::adapter::Lora<0>;
#else
using Adapter = lamina::adapter::Lora<1>;
#endif
static_assert(Adapter::present);
