// The categories of merchants: share of merchants, usual amounts, and nouns for names. Shares and amounts are
// estimates; only their mean is fitted to the programme's figures.

import { mccByCode } from '../schema/values/mcc.ts'
import type { Scenario } from '../subgraphs/merchant/index.ts'
import { Weighted } from './random.ts'

/** The noun in the name of a shop, by script. */
export interface Nouns {
  /** At most 7 characters. */
  readonly en: string
  readonly zh: string
  readonly ja: string
  readonly ko: string
  readonly th: string
  readonly vi: string
}

export interface Category {
  /** ISO 18245, four digits. */
  readonly mcc: string
  readonly scenario: Scenario
  /** Share of merchants. */
  readonly weight: number
  /** The median of payments in CNY before scaling; payments have a log-normal distribution. */
  readonly medianCny: number
  /** The standard deviation of their logarithm. */
  readonly sigma: number
  readonly nouns: Nouns
}

type Row = readonly [
  mcc: string,
  weight: number,
  medianCny: number,
  sigma: number,
  en: string,
  zh: string,
  ja: string,
  ko: string,
  th: string,
  vi: string,
]

// prettier-ignore
const offline: readonly Row[] = [
  ['5812', 190, 95, 0.75, 'Diner', '饭店', '食堂', '식당', 'ครัว', 'Nhà hàng'],
  ['5814', 130, 32, 0.6, 'Snacks', '小吃', '軽食', '분식', 'ของว่าง', 'Quán ăn'],
  ['5462', 30, 38, 0.6, 'Bakery', '面包店', 'パン店', '빵집', 'เบเกอรี่', 'Tiệm bánh'],
  ['5813', 12, 160, 0.8, 'Bar', '酒吧', '酒場', '주점', 'บาร์', 'Quán bar'],
  ['5411', 90, 85, 0.8, 'Grocer', '超市', 'スーパー', '슈퍼', 'ซูเปอร์', 'Siêu thị'],
  ['5499', 130, 28, 0.7, 'Mart', '便利店', '商店', '편의점', 'มินิมาร์ท', 'Tạp hóa'],
  ['5311', 12, 320, 0.9, 'Store', '百货', '百貨店', '백화점', 'ห้าง', 'Bách hóa'],
  ['5691', 60, 210, 0.8, 'Fashion', '服饰', '衣料', '의류', 'แฟชั่น', 'Thời trang'],
  ['5661', 18, 260, 0.7, 'Shoes', '鞋店', '靴店', '신발', 'รองเท้า', 'Giày dép'],
  ['5732', 22, 480, 1.0, 'Digital', '数码', '電器', '전자', 'ดิจิทัล', 'Điện tử'],
  ['5977', 22, 190, 0.8, 'Beauty', '美妆', '化粧品', '화장품', 'บิวตี้', 'Mỹ phẩm'],
  ['5947', 28, 110, 0.8, 'Gifts', '礼品', 'みやげ', '기념품', 'ของฝาก', 'Quà tặng'],
  ['5944', 8, 900, 0.9, 'Jewels', '珠宝', '宝飾', '보석', 'เครื่องประดับ', 'Trang sức'],
  ['5942', 8, 75, 0.6, 'Books', '书店', '書店', '서점', 'หนังสือ', 'Nhà sách'],
  ['5992', 7, 90, 0.6, 'Flowers', '花店', '花店', '꽃집', 'ดอกไม้', 'Hoa tươi'],
  ['7230', 25, 95, 0.7, 'Salon', '美发', '美容室', '미용실', 'ซาลอน', 'Làm tóc'],
  ['4121', 45, 32, 0.6, 'Taxi', '出租车', 'タクシー', '택시', 'แท็กซี่', 'Taxi'],
  ['4111', 12, 6, 0.5, 'Metro', '地铁', '地下鉄', '지하철', 'รถไฟฟ้า', 'Tàu điện'],
  ['4131', 10, 25, 0.7, 'Bus', '客运', 'バス', '버스', 'รถโดยสาร', 'Xe khách'],
  ['5541', 14, 240, 0.5, 'Fuel', '加油站', '給油所', '주유소', 'ปั๊มน้ำมัน', 'Xăng dầu'],
  ['7523', 10, 15, 0.7, 'Parking', '停车场', '駐車場', '주차장', 'ที่จอดรถ', 'Bãi xe'],
  ['7011', 42, 420, 0.7, 'Hotel', '酒店', '旅館', '호텔', 'โรงแรม', 'Khách sạn'],
  ['7991', 16, 110, 0.7, 'Sights', '景区', '名所', '명소', 'ที่เที่ยว', 'Thắng cảnh'],
  ['7922', 5, 180, 0.7, 'Theatre', '剧院', '劇場', '극장', 'โรงละคร', 'Nhà hát'],
  ['7832', 7, 70, 0.5, 'Cinema', '影院', '映画館', '영화관', 'โรงหนัง', 'Rạp phim'],
  ['4722', 9, 380, 1.0, 'Tours', '旅行社', '旅行社', '여행사', 'ทัวร์', 'Du lịch'],
  ['5912', 34, 68, 0.8, 'Chemist', '药房', '薬局', '약국', 'ร้านยา', 'Nhà thuốc'],
  ['8062', 6, 350, 1.0, 'Medical', '医院', '病院', '병원', 'โรงพยาบาล', 'Bệnh viện'],
  ['8021', 8, 420, 0.9, 'Dental', '口腔', '歯科', '치과', 'ทันตกรรม', 'Nha khoa'],
  ['8299', 11, 480, 1.0, 'Courses', '培训', '教室', '학원', 'เรียนพิเศษ', 'Lớp học'],
  ['8220', 3, 900, 1.0, 'College', '学院', '学院', '대학', 'วิทยาลัย', 'Học viện'],
]

// prettier-ignore
const online: readonly Row[] = [
  ['5964', 40, 190, 0.9, 'Mall', '商城', 'モール', '몰', 'มอลล์', 'Mua sắm'],
  ['5815', 14, 35, 0.6, 'Media', '影音', 'メディア', '미디어', 'มีเดีย', 'Giải trí'],
  ['5816', 16, 68, 0.8, 'Games', '游戏', 'ゲーム', '게임', 'เกม', 'Trò chơi'],
  ['5817', 12, 45, 0.7, 'Apps', '应用', 'アプリ', '앱', 'แอป', 'Ứng dụng'],
  ['5968', 10, 60, 0.5, 'Club', '会员', 'クラブ', '클럽', 'คลับ', 'Hội viên'],
  ['4816', 8, 120, 0.8, 'Cloud', '云服务', 'クラウド', '클라우드', 'คลาวด์', 'Đám mây'],
]

/** Categories of physical shops. */
export const offlineCategories: readonly Category[] = offline.map(categoryOf)
/** Categories of online merchants. */
export const onlineCategories: readonly Category[] = online.map(categoryOf)

/** Weights categories by their share of merchants. */
export const byWeight = (categories: readonly Category[]): Weighted<Category> =>
  new Weighted(
    categories,
    categories.map(({ weight }) => weight),
  )

function categoryOf([mcc, weight, medianCny, sigma, en, zh, ja, ko, th, vi]: Row): Category {
  const found = mccByCode(mcc)
  if (!found) throw new TypeError(`the merchant category code ${mcc} is not in schema/values/mcc.ts`)
  return { mcc, scenario: found.scenario, weight, medianCny, sigma, nouns: { en, zh, ja, ko, th, vi } }
}
