import pytest

pytest.register_assert_rewrite("tests.billing.machine", "tests.billing.machine_money")
