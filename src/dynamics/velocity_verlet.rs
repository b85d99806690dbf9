//! Newton's equations.

use super::state::Flow;
use super::{Integrator, State, Targets};
use crate::cell::Tensor;
use crate::error::Result;

/// Velocity Verlet.
///
/// ```math
/// v += (h/2) f/m,   r += h v,   v += (h/2) f/m
/// ```
/// Swope et al., J. Chem. Phys. 76, 637 (1982), <https://doi.org/10.1063/1.442716>.
#[derive(Clone, Copy, Debug)]
pub struct VelocityVerlet;

impl Integrator for VelocityVerlet {
    fn step(&mut self, state: &mut State, time_step: f64, _: Targets) -> Result<()> {
        let flow = Flow::newton(time_step);
        state.step(&flow, state.cell.clone(), &flow)
    }

    fn reservoir(&self, _: &State) -> f64 {
        0.0
    }
}

impl Flow {
    /// Half a kick, and a whole drift.
    pub(super) fn newton(time_step: f64) -> Flow {
        let one = Tensor::identity();
        Flow { keep: one, push: one * (0.5 * time_step), stretch: one, carry: one * time_step }
    }
}
