"""What a training is fed with: pictures or stored maps, as views, in steps, fetched ahead."""
