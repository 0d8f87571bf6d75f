"""What has to be looked up before it can be judged: scans of other commits, predicates."""

from __future__ import annotations

from devsecops_eda.model import OutcomeStatus
from devsecops_eda.policy.baseline import base_to_compare, digests, usable
from devsecops_eda.policy.effective import effective, findings_of
from devsecops_eda.policy.facts import COMMIT_CHECK, BaselineWanted, Facts, PredicateWanted
from devsecops_eda.policy.kinds import findings
from devsecops_eda.policy.model import CheckRule, FindingsRule, Policy
from devsecops_eda.policy.selecting import applied


def wanted_baselines(policy: Policy, facts: Facts) -> tuple[BaselineWanted, ...]:
    """Return the scans of other commits that are needed to judge, and not there yet; sorted.

    They are named until they are there: who asks for them remembers what was asked.
    """
    narrow, commit = applied(policy, facts), effective(COMMIT_CHECK, facts)
    if commit is None or commit.outcome.status is not OutcomeStatus.COMPLETED:
        return ()
    wanted = {
        (one.check, str(one.subject)): one
        for rule in (narrow.rules_of(facts.gate) if narrow else ())
        if isinstance(rule, CheckRule) and (one := _wanted(rule, facts)) is not None
    }
    return tuple(wanted[key] for key in sorted(wanted))


def predicates_wanted(policy: Policy, facts: Facts) -> tuple[PredicateWanted, ...]:
    """Return the predicates that have to be evaluated to judge, sorted; where nothing was found
    there is nothing to evaluate.
    """
    narrow = applied(policy, facts)
    wanted = {
        (rule.check, rule.where)
        for rule in (narrow.rules_of(facts.gate) if narrow else ())
        if isinstance(rule, FindingsRule) and rule.where and findings_of(rule.check, facts)
    }
    return tuple(PredicateWanted(where, check) for check, where in sorted(wanted))


def _wanted(rule: CheckRule, facts: Facts) -> BaselineWanted | None:
    head = effective(rule.check, facts)
    if head is None or head.outcome.status is not OutcomeStatus.COMPLETED:
        return None
    if head.outcome.applicable:
        if not (isinstance(rule, FindingsRule) and findings.needs_base(rule, facts)):
            return None
    elif rule.if_nothing is not None or rule.check == COMMIT_CHECK:
        return None
    subject = base_to_compare(rule.check, facts, applicable=head.outcome.applicable)
    if subject is None or usable(rule.check, subject, head.outcome, facts) is not None:
        return None
    rules, data = digests(head.outcome)
    return BaselineWanted(rule.check, subject, rules, data)
