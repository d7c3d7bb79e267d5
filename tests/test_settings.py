"""Settings: file, environment, defaults; everything wrong is one clear sentence."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from callward.errors import SettingsError
from callward.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CALLWARD_{name.upper()}", raising=False)


def _write(home: Path, text: str) -> Path:
    (home / "callward.toml").write_text(text)
    return home


def test_home_alone_is_enough(tmp_path: Path) -> None:
    """Without a file everything has a working default below the home."""
    settings = load_settings(tmp_path)
    assert settings.catalogue_url == f"sqlite:///{tmp_path}/data/catalogue.sqlite"
    assert settings.objects_url == f"file://{tmp_path}/data/objects"
    assert settings.region == "GB"
    assert settings.processes >= 1


def test_file_is_read_and_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home's file overrides defaults; ``CALLWARD_*`` overrides the file."""
    _write(tmp_path, 'processes = 3\nbatch_size = 7\nregion = "IE"\n')
    monkeypatch.setenv("CALLWARD_PROCESSES", "5")
    settings = load_settings(tmp_path)
    assert (settings.processes, settings.batch_size, settings.region) == (5, 7, "IE")


def test_environment_cannot_move_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home that was asked for is the home, whatever file and environment say."""
    _write(tmp_path, 'home = "/elsewhere"\n')
    monkeypatch.setenv("CALLWARD_HOME", "/nowhere")
    assert load_settings(tmp_path).home == tmp_path


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("procesess = 3", "procesess"),
        ("[extra]\nx = 1", "extra"),
        ("processes = 0", "processes"),
        ("processes = 257", "processes"),
        ('processes = "many"', "processes"),
        ("batch_size = 0", "batch_size"),
        ("batch_size = 10001", "batch_size"),
        ("seconds_per_file = 0", "seconds_per_file"),
        ("max_file_bytes = 0", "max_file_bytes"),
        ("brake_share = 0", "brake_share"),
        ("brake_share = 1.01", "brake_share"),
        ("brake_share = nan", "brake_share"),
        ("brake_floor = -1", "brake_floor"),
        ("clock_jump_days = 0", "clock_jump_days"),
        ('region = "Mars"', "region"),
        ('database_url = "nonsense"', "database_url"),
        ('database_url = "mysql://root:hunter2@host/db"', "database_url"),
        ('database_url = "postgresql://root:hunter2@host:hunter2/db"', "database_url"),
        ('store_url = "ftp://root:hunter2@host"', "store_url"),
        ('store_url = "data/objects"', "store_url"),
        ('landing_url = "file:///landing"', "landing_url"),
        ('landing_url = "s3:///no-bucket"', "landing_url"),
        ('landing_url = "s3://b/in"\nstore_url = "s3://b"', "one inside the other"),
        ('landing_url = "s3://b"\nstore_url = "s3://b/objects/"', "one inside the other"),
        ("lease_seconds = 0.5", "lease_seconds"),
        ("processes = ", "callward.toml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    """One sentence with the code and the name of the setting, and never its value."""
    with pytest.raises(SettingsError) as caught:
        load_settings(_write(tmp_path, text))
    sentence = str(caught.value)
    assert sentence.startswith("[settings] ")
    assert named in sentence
    assert "\n" not in sentence
    assert "hunter2" not in sentence
    assert caught.value.__suppress_context__


def test_wrong_environment_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad value from the environment is told the same way."""
    monkeypatch.setenv("CALLWARD_BRAKE_SHARE", "hunter2")
    with pytest.raises(SettingsError, match="brake_share") as caught:
        load_settings(tmp_path)
    assert "hunter2" not in str(caught.value)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Two mistakes are two names in one sentence."""
    with pytest.raises(SettingsError, match=r"processes.*brakes"):
        load_settings(_write(tmp_path, "processes = 0\nbrakes = 1\n"))


def test_file_that_is_not_text(tmp_path: Path) -> None:
    """A file in another encoding is a settings error, too."""
    (tmp_path / "callward.toml").write_bytes(b'region = "\xff\xfe"\n')
    with pytest.raises(SettingsError, match=r"callward\.toml"):
        load_settings(tmp_path)


def test_settings_do_not_change(tmp_path: Path) -> None:
    """A run cannot alter its own settings."""
    settings = load_settings(tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "processes", 9)  # noqa: B010 - mypy knows that it is frozen
    assert settings == load_settings(tmp_path)


def test_keys_are_beside_the_data(tmp_path: Path) -> None:
    """No folder that a backup of the data would take along holds keys, nor the other way."""
    settings = load_settings(tmp_path)
    assert not settings.keys.is_relative_to(settings.data)
    assert not settings.data.is_relative_to(settings.keys)
    assert {settings.data, settings.keys} <= set(settings.folders)


@pytest.mark.parametrize("name", ["a b", "100%25", "wh?t", "h#sh", "ünï", "x&y=z"])
def test_odd_homes_keep_their_path(tmp_path: Path, name: str) -> None:
    """The catalogue's file lies in its home, whatever that is called."""
    settings = load_settings(tmp_path / name)
    database = sa.make_url(settings.catalogue_url).database
    assert database == str(tmp_path / name / "data" / "catalogue.sqlite")


@pytest.mark.parametrize(
    "url", ["sqlite:////srv/c.sqlite", "postgresql://u@h/d", "postgresql+psycopg://u:p@h/d"]
)
def test_database_url_is_taken_as_given(tmp_path: Path, url: str) -> None:
    """Both databases can be named."""
    settings = load_settings(_write(tmp_path, f'database_url = "{url}"\n'))
    assert settings.catalogue_url == url


@pytest.mark.parametrize("url", ["s3://bucket/prefix", "file:///srv/objects"])
def test_store_url_is_taken_as_given(tmp_path: Path, url: str) -> None:
    """Both kinds of object store can be named."""
    assert load_settings(_write(tmp_path, f'store_url = "{url}"\n')).objects_url == url
