"""The signing key that is made once in the home folder."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from sojourn.domain.errors import BadSetting, BadToken
from sojourn.domain.links import Unsubscribe, read_unsubscribe, unsubscribe_token
from sojourn.domain.messages import Channel
from sojourn.settings import Settings, check_secrets, signing_key, signing_keys


def test_processes_that_begin_together_agree_on_the_secret_key(tmp_path: Path) -> None:
    for number in range(30):
        home = Settings(home=tmp_path / str(number))
        with ThreadPoolExecutor(8) as pool:
            found = set(pool.map(lambda _, home=home: signing_key(home), range(8)))
        assert len(found) == 1
        assert all(found)
        assert [path.name for path in home.home.iterdir()] == ["secret_key"]
        assert (home.home / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_secret_keys_folder_that_cannot_be_made_is_an_error_with_a_way_out(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadSetting, match="SOJOURN_SECRET_KEY"):
        signing_key(Settings(home=tmp_path / "file" / "home"))


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ("one-secret-of-sixteen", ("one-secret-of-sixteen",)),
        ("new-one, old-one", ("new-one", "old-one", "new-one, old-one")),
    ],
)
def test_the_first_secret_signs_and_the_links_of_all_hold(
    given: str, keys: tuple[str, ...], tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, secret_key=SecretStr(given))
    assert signing_keys(settings) == keys
    assert signing_key(settings) == keys[0]
    wish = Unsubscribe("c42", Channel.EMAIL, "cart")
    for key in keys:
        assert read_unsubscribe(signing_keys(settings), unsubscribe_token(key, wish)) == wish
    with pytest.raises(BadToken):
        read_unsubscribe(signing_keys(settings), unsubscribe_token("another", wish))
    token = unsubscribe_token(signing_key(settings), wish)
    assert read_unsubscribe(keys[0], token) == wish


@pytest.mark.parametrize(
    "given", ["x", "dev-only-secret-key", "short", "a-long-enough-secret-key,x", ","]
)
def test_a_secret_that_can_be_guessed_is_refused(given: str) -> None:
    with pytest.raises(BadSetting, match="SOJOURN_SECRET_KEY") as refused:
        check_secrets(Settings(secret_key=SecretStr(given)))
    assert given not in str(refused.value) or len(given) == 1


@pytest.mark.parametrize(
    "given", ["", "a-long-enough-secret-key", "a-long-enough-key-1,and-the-old-one-2"]
)
def test_other_secrets_are_taken(given: str) -> None:
    check_secrets(Settings(secret_key=SecretStr(given)))
