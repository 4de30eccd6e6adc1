//! Rules of applications.

use super::{Rule, advice};
use crate::diagnosis::object::{Confidence, Severity};
use crate::diagnosis::thresholds::Limit;

pub(super) const RULES: &[Rule] = &[Rule {
    code: "APP-01",
    name: "gateway-error",
    title: "a gateway reports that its backend fails",
    severity: Severity::Error,
    confidence: Confidence::High,
    meaning: "A proxy or load balancer answered in place of a server behind it: 502, the backend refused, reset, or said something \
              unusable; 503, none was available; 504, it did not answer in time. The cause is behind the gateway, and where the capture \
              shows that side too, the failed connection is named.",
    evidence: "An HTTP answer 502, 503 or 504, and, shortly before it, from the same gateway to a backend: a connection that failed, was \
               reset, or a request that stayed without an answer. 504s that all come after the same time show the gateway's timeout \
               setting.",
    confounders: "Without the backend's side in the capture the reason stays open, and confidence is low. That no \
                  backend was asked is said only where the capture shows how the gateway opens connections. An application may send 503 by \
                  itself, when overloaded or under maintenance.",
    thresholds: &[Limit::Upstream],
    steps: &[
        advice(
            "gateway",
            "grep -E ' 50[234] ' ACCESS_LOG",
            "the backend and the reason it logged, at the times given",
        ),
        advice(
            "gateway",
            "tcpdump -ni any -w backend.pcap not host {client}",
            "the same failure, seen towards the backend",
        ),
        advice("backend", "journalctl --since -1h", "a crash, a restart, an overload at those times"),
    ],
    references: &["RFC 9110 section 15.6.3", "RFC 9110 section 15.6.4", "RFC 9110 section 15.6.5"],
}];
