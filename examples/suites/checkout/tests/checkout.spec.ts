import { expect, test, type Page } from '@playwright/test';

async function add(page: Page, product: string) {
  await page.goto('/');
  await page.getByRole('button', { name: `Add ${product} to cart` }).click();
}

test.describe('Cart', () => {
  test('adds up what lies in it', async ({ page }) => {
    await add(page, 'Enamel mug');
    await add(page, 'Soup bowl');
    await expect(page.getByTestId('total')).toHaveText('€31.50');
  });

  test('forgets what is removed', async ({ page }) => {
    await add(page, 'Enamel mug');
    await page.getByRole('button', { name: 'Remove Enamel mug' }).click();
    await expect(page.getByText('Your cart is empty.')).toBeVisible();
  });

  test('takes ten percent off for the welcome coupon', async ({ page }) => {
    await add(page, 'Wool blanket');
    await redeem(page, 'WELCOME10');
    await expect(page.getByTestId('total')).toHaveText('€71.10');
  });

  // Fails: the shop subtracts the coupon each time it is redeemed.
  test('takes a coupon only once', async ({ page }) => {
    await add(page, 'Wool blanket');
    await redeem(page, 'WELCOME10');
    await redeem(page, 'WELCOME10');
    await expect(page.getByTestId('total')).toHaveText('€71.10', { timeout: 500 });
  });

  // Flaky: at a visit's first try, another customer's cart holds the last lamp.
  test('sells the last reading lamp', async ({ page, context, baseURL }) => {
    await context.addCookies([{ name: 'visit', value: process.env.SHOP_VISIT!, url: baseURL! }]);
    await add(page, 'Reading lamp');
    await expect(page.getByTestId('total')).toHaveText('€109.00', { timeout: 500 });
  });
});

test.describe('Order', () => {
  test('is confirmed with its total', async ({ page }) => {
    await add(page, 'Water bottle');
    await page.getByRole('link', { name: 'Check out' }).click();
    await page.getByLabel('Name').fill('Ada Lovelace');
    await page.getByLabel('E-mail').fill('ada@example.com');
    await page.getByRole('button', { name: 'Order' }).click();
    await expect(page.getByRole('heading', { name: 'Thank you' })).toBeVisible();
    await expect(page.getByText('over €24.00')).toBeVisible();
  });

  test('asks for a valid address', async ({ page }) => {
    await add(page, 'Water bottle');
    await page.goto('/checkout');
    await page.getByLabel('Name').fill('Ada Lovelace');
    await page.getByLabel('E-mail').fill('ada');
    await page.getByRole('button', { name: 'Order' }).click();
    await expect(page.getByRole('alert')).toHaveText('Please give a valid e-mail address.');
  });
});

async function redeem(page: Page, code: string) {
  await page.getByLabel('Coupon').fill(code);
  await page.getByRole('button', { name: 'Redeem' }).click();
}
