import { expect, test } from '@playwright/test';

test.beforeEach(async ({ page }) => {
  await page.goto('/');
});

test('shows every product with its price', async ({ page }) => {
  await expect(page.getByRole('list', { name: 'Products' }).getByRole('listitem')).toHaveCount(6);
  await expect(page.getByText('€12.50')).toBeVisible();
});

test('finds products whatever the case of the words', async ({ page }) => {
  await page.getByLabel('Search').fill('KETTLE');
  await page.getByRole('button', { name: 'Search' }).click();
  await expect(page.getByRole('listitem')).toHaveText(/Whistling kettle/);
});

test('says so when nothing is found', async ({ page }) => {
  await page.getByLabel('Search').fill('spaceship');
  await page.getByRole('button', { name: 'Search' }).click();
  await expect(page.getByText('Nothing found.')).toBeVisible();
});

test.fixme(
  'sorts products by price',
  { annotation: { type: 'fixme', description: 'the shop cannot sort yet' } },
  async () => {},
);
