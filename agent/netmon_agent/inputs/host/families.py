"""Which families there are on which platform."""

from netmon_agent.inputs.host.family import Family
from netmon_agent.inputs.host.files import Files
from netmon_agent.inputs.host.options import HostOptions


def families_for(platform: str, options: HostOptions, files: Files) -> dict[str, Family]:
    """The families of a platform, as sys.platform names it, that are switched on; sorted by name."""
    # Only what the platform has is imported: Linux goes without psutil, for its memory, and others lack statvfs.
    if platform == "linux":
        from netmon_agent.inputs.host import linux_families

        makers = linux_families.makers(options, files)
    else:
        from netmon_agent.inputs.host import psutil_families

        makers = psutil_families.makers(options)
    return {name: makers[name]() for name in sorted(makers) if getattr(options.families, name)}
