"""For the server of each student: what it does without, and when it gives memory back."""

c = get_config()  # noqa: F821, Jupyter gives it

c.MappingKernelManager.cull_idle_timeout = 1800  # seconds; of lessons whose page is closed
c.MappingKernelManager.cull_interval = 300
c.KernelManager.transport_encryption = "auto"  # else other accounts of the machine could read what kernels say
c.ServerApp.jpserver_extensions = {
    "nbgrader.server_extensions.formgrader": False,  # teachers grade in a clone of their own
    "nbgrader.server_extensions.course_list": False,
    "nbgrader.server_extensions.validate_assignment": False,  # the course's own checks say more
}
