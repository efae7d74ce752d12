// expect: lamina: check_gradient: numeric derivatives need double; give the layer's policies precision::Fp64
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/check_gradient.hpp>
#include <lamina/nn/linear.hpp>
#include <lamina/nn/policies.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
using P = Policies<precision::Fp32>;
#else
using P = Policies<precision::Fp64>;
#endif

double worst() { return check_gradient<Linear<3, 5, P>>().worst; }
