// expect: lamina: ParameterStore: parameters are stored as float, double or bf16; give the precision policy one of these
#include <cstddef>

#include <lamina/arch/precision.hpp>
#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/float16.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/nn/parameter_store.hpp>
#include <lamina/nn/policies.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
using Base = fp16;
#else
using Base = bf16;
#endif

using Layers = Linear<3, 5, Policies<precision::Stored<Base, float, float, float, float>>>;

std::size_t bytes() { return ParameterStore<Layers, float, CpuBackend>::bytes(); }
