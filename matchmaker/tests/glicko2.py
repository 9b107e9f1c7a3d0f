"""Glicko-2 from Glickman's "Example of the Glicko-2 system", step by step.

Reads a match a line: of White and of Black the rating, deviation, volatility and seconds since the last match, then
White's score. Writes the rating, deviation and volatility of both after it.
"""
import math
import sys

TAU = 0.75
SCALE = 173.7178
EPSILON = 1e-6


def clamp(value, low, high):
    return max(low, min(high, value))


def volatility_after(phi, sigma, v, delta):
    """Step 5: the Illinois algorithm."""
    a = math.log(sigma * sigma)

    def f(x):
        ex = math.exp(x)
        over = 2 * (phi * phi + v + ex) ** 2
        return ex * (delta * delta - phi * phi - v - ex) / over - (x - a) / TAU**2

    low = a
    if delta * delta > phi * phi + v:
        high = math.log(delta * delta - phi * phi - v)
    else:
        k = 1
        while f(a - k * TAU) < 0:
            k += 1
        high = a - k * TAU
    f_low, f_high = f(low), f(high)
    while abs(high - low) > EPSILON:
        middle = low + (low - high) * f_low / (f_high - f_low)
        f_middle = f(middle)
        if f_middle * f_high <= 0:
            low, f_low = high, f_high
        else:
            f_low /= 2
        high, f_high = middle, f_middle
    return math.exp(low / 2)


def after(player, opponent, score):
    (rating, deviation, sigma), (their_rating, their_deviation, _) = player, opponent
    mu, phi = (rating - 1500) / SCALE, deviation / SCALE
    their_mu, their_phi = (their_rating - 1500) / SCALE, their_deviation / SCALE
    g = 1 / math.sqrt(1 + 3 * their_phi**2 / math.pi**2)
    e = 1 / (1 + math.exp(-g * (mu - their_mu)))
    v = 1 / (g * g * e * (1 - e))
    sigma = volatility_after(phi, sigma, v, v * g * (score - e))
    phi = 1 / math.sqrt(1 / (phi * phi + sigma * sigma) + 1 / v)
    mu += phi * phi * g * (score - e)
    return clamp(1500 + SCALE * mu, 400, 4000), clamp(SCALE * phi, 45, 500), min(sigma, 0.1)


def awaited(rating, deviation, sigma, seconds):
    periods = seconds / 86400 * 0.21436
    deviation = math.sqrt(deviation**2 + periods * (sigma * SCALE) ** 2)
    return rating, clamp(deviation, 45, 500), sigma


for line in sys.stdin:
    *numbers, score = map(float, line.split())
    white, black = awaited(*numbers[:4]), awaited(*numbers[4:])
    print(*after(white, black, score), *after(black, white, 1 - score))
