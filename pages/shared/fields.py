"""Widgets for the fields of a request: its defaults, its help texts, keys with the page's name."""

import shutil
from dataclasses import fields
from typing import Any

import streamlit as st

from efficiency.core.requests import DEVICES, Request

WIDTH = 160  # in pixels


class Fields:
    """The fields of one kind of request on one page.

    defaults: a request with the values that stand there at first. page: begins every widget's key.
    """

    def __init__(self, page: str, defaults: Request) -> None:
        self.page, self.defaults = page, defaults
        self.help = {each.name: str(each.metadata.get("help", "")) for each in fields(defaults)}

    def pick(self, label: str, name: str, choices: tuple[str, ...], width: int = 180) -> str:
        """One of a few words."""
        return str(st.selectbox(label, choices, **self._common(name, width)))

    def count(self, label: str, name: str, least: int, most: int) -> int:
        """A whole number."""
        value = int(getattr(self.defaults, name))
        return int(st.number_input(label, least, most, value, **self._common(name)))

    def number(
        self, label: str, name: str, least: float, most: float, *, step: float, digits: int = 0
    ) -> float:
        """Any number, shown with so many digits after the point."""
        value, shape = float(getattr(self.defaults, name)), f"%.{digits}f"
        return float(
            st.number_input(
                label, least, most, value, step=step, format=shape, **self._common(name)
            )
        )

    def device(self, usual: str) -> str:
        """Asked only where the driver's own program says that there is an NVIDIA GPU."""
        if shutil.which("nvidia-smi") is None:
            return "cpu"
        chosen = st.segmented_control(
            "Device",
            DEVICES,
            default=usual,
            required=True,
            key=f"{self.page}_device",
            help=self.help["device"],
        )
        return str(chosen)

    def _common(self, name: str, width: int = WIDTH) -> dict[str, Any]:
        return {"key": f"{self.page}_{name}", "help": self.help[name], "width": width}
